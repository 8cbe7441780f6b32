import type { Log } from '@golek/api';
import { GolekError } from '@golek/api/plain';

/** A key that its service refused rests so long, and one that it limited, unless the service names another time, milliseconds. */
const DENIED_MS = 300_000;
const LIMITED_MS = 5_000;
/** Longest rest: a service that names a longer one is asked again by then. */
const LONGEST_MS = 3_600_000;

/** The one refusal that may be about the model alone; every other speaks against the key: not known, not paid, used up (401, 402, 429, Google's 400). */
const MAYBE_THE_MODEL = 403;

/** Limits are counted for each model, refusals for all. */
const ALL_MODELS = '';

interface Rest {
  /** Milliseconds of `performance.now()`. */
  readonly until: number;
  readonly reason: GolekError;
}

/** A key and its rests, by model: no more than were asked. */
interface PooledKey {
  readonly text: string;
  readonly rests: Map<string, Rest>;
}

/** Why a key cannot be used for a model now. */
const restOf = ({ rests }: PooledKey, model: string, now: number): Rest | undefined => {
  for (const name of [ALL_MODELS, model]) {
    const rest = rests.get(name);
    if (rest && rest.until > now) return rest;
    rests.delete(name);
  }
  return undefined;
};

/**
 * Several keys of one service, used in turn. A key that the service refuses (401, 402) or limits (429) rests, for as long as `Retry-After` says where it says something; requests
 * go on with the others. A single key never rests: what to do then is decided by whoever retries.
 */
export class KeyPool {
  readonly #upstream: string;
  readonly #keys: readonly PooledKey[];
  readonly #log: Log | undefined;
  #next = 0;

  constructor(upstream: string, keys: readonly string[], log?: Log) {
    this.#upstream = upstream;
    this.#log = log;
    this.#keys = keys.map((text) => ({ text, rests: new Map() }));
  }

  /** How many times one request may be sent: as often as there are keys. */
  get size(): number {
    return Math.max(1, this.#keys.length);
  }

  /** The next key that does not rest; undefined where there are none. Throws `rate_limited` or `provider_denied` while all of them rest. */
  take(model = ALL_MODELS): string | undefined {
    const count = this.#keys.length;
    if (count < 2) return this.#keys[0]?.text;
    const now = performance.now();
    const rests: Rest[] = [];
    for (let step = 0; step < count; step++) {
      const key = this.#keys[(this.#next + step) % count];
      const rest = key && restOf(key, model, now);
      if (rest) rests.push(rest);
      else if (key) {
        this.#next = (this.#next + step + 1) % count;
        return key.text;
      }
    }
    const first = rests.reduce<Rest | undefined>(
      (soonest, rest) => (soonest && soonest.until <= rest.until ? soonest : rest),
      undefined,
    );
    if (first) throw this.#exhausted(first, now);
    return undefined;
  }

  /** Takes the service's answer to a key. True: it is about the key, and another one may do better. */
  refused(text: string | undefined, failure: GolekError, model = ALL_MODELS): boolean {
    const limited = failure.code === 'rate_limited';
    if (this.#keys.length < 2 || (!limited && failure.code !== 'provider_denied')) return false;
    const now = performance.now();
    const key = this.#keys.find((one) => one.text === text);
    if (key && failure.details?.['status'] !== MAYBE_THE_MODEL) {
      const named = failure.retryAfter === undefined ? undefined : failure.retryAfter * 1000;
      const restMs = Math.min(LONGEST_MS, named ?? (limited ? LIMITED_MS : DENIED_MS));
      key.rests.set(limited ? model : ALL_MODELS, { until: now + restMs, reason: failure });
      const number = this.#keys.indexOf(key) + 1;
      this.#log?.warn(
        { upstream: this.#upstream, key: number, restMs, code: failure.code },
        'a key of an upstream rests',
      );
    }
    return this.#keys.some((one) => one !== key && !restOf(one, model, now));
  }

  #exhausted({ until, reason }: Rest, now: number): GolekError {
    const seconds = Math.max(0, until - now) / 1000;
    const remedy = reason.code === 'rate_limited' ? 'give it further apiKeys' : 'check its apiKeys and account';
    return new GolekError(
      reason.code,
      `upstream '${this.#upstream}' has refused each of its ${this.#keys.length} keys; the first is tried again in ${Math.ceil(seconds)} s; ${remedy}`,
      {
        cause: reason,
        details: { upstream: this.#upstream },
        ...(reason.code === 'rate_limited' && { retryAfter: seconds }),
      },
    );
  }
}
