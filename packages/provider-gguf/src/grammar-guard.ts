import { createHash } from 'node:crypto';
import { GolekError, type Recycle } from '@golek/providers-spi';

/** A grammar that took too long is refused for this long, milliseconds. */
const REFUSED_MS = 600_000;
/** Digests that are kept of grammars that took too long, and of those that worked. */
const MOST_GRAMMARS = 256;
const MOST_TENANTS = 1_024;
/** Different grammars of a tenant that may take too long before new ones of it are refused: one is a mistake. */
const FREE_STRIKES = 1;
/** From so many on, those that have worked are refused, too. */
const STRIKES_OF_ALL = 8;
/** How long they are refused: doubles with each further one. */
const FIRST_PENALTY_MS = 60_000;
const MAX_PENALTY_MS = 600_000;
/** A tenant without a further one for this long after a penalty begins anew. */
const FORGIVEN_MS = 3_600_000;

/** A tenant's grammars that took too long, and until when new ones are refused. */
interface Strikes {
  readonly count: number;
  /** Unix time, milliseconds. */
  readonly until: number;
}

/** What is known of grammars and tenants; crosses to the engine process that takes over. */
interface Memory {
  /** Digests of grammars that are refused, until when. */
  readonly refused: Map<string, number>;
  readonly worked: Set<string>;
  readonly tenants: Map<string, Strikes>;
}

/**
 * Remembers the grammars on which the engine worked for too long, and whose they were, so that nobody can do it to the others again and again. A tenant
 * with several of them may for some time use only what has worked before.
 */
export class GrammarGuard {
  readonly #memory: Memory = { refused: new Map(), worked: new Set(), tenants: new Map() };
  readonly #now: () => number;
  /** Calls that go on after they were given up. */
  #endless = 0;

  /** `handover`: of the guard before, in a process that this one replaces. */
  constructor(handover?: unknown, now: () => number = Date.now) {
    this.#now = now;
    if (handover !== undefined) this.takeOver(handover);
  }

  /** Adds what another guard of the model knows. */
  takeOver(handover: unknown): void {
    const { refused, worked, tenants } = this.#memory;
    const other = handover as Memory;
    for (const [digest, until] of other.refused) {
      refused.set(digest, Math.max(until, refused.get(digest) ?? 0));
      dropOldest(refused, MOST_GRAMMARS);
    }
    for (const digest of other.worked) {
      if (!refused.has(digest)) worked.add(digest);
      dropOldest(worked, MOST_GRAMMARS);
    }
    for (const [tenant, { count, until }] of other.tenants) {
      const known = tenants.get(tenant);
      tenants.set(tenant, { count: Math.max(count, known?.count ?? 0), until: Math.max(until, known?.until ?? 0) });
      dropOldest(tenants, MOST_TENANTS);
    }
  }

  /** Throws `unsupported` for a grammar that took too long, `rate_limited` for another one of a tenant that had several. */
  check(grammar: string, tenant: string): void {
    const { refused, worked, tenants } = this.#memory;
    const digest = digestOf(grammar);
    const now = this.#now();
    if ((refused.get(digest) ?? 0) > now)
      throw new GolekError(
        'unsupported',
        'the grammar or JSON Schema took too long for one token a short time ago; make its repetitions and alternatives exclude each other',
      );
    const strikes = tenants.get(tenant);
    if (!strikes || strikes.until <= now || (strikes.count < STRIKES_OF_ALL && worked.has(digest))) return;
    throw new GolekError(
      'rate_limited',
      `${strikes.count} grammars or JSON Schemas of this tenant took too long for one token; new ones are refused for some time`,
      { retryAfter: Math.ceil((strikes.until - now) / 1_000) },
    );
  }

  /** A run with the grammar ended as it should. */
  hasWorked(grammar: string): void {
    const { worked } = this.#memory;
    const digest = digestOf(grammar);
    worked.delete(digest);
    worked.add(digest);
    dropOldest(worked, MOST_GRAMMARS);
  }

  /** A call took too long; it goes on until `ended`. */
  tookTooLong(grammar: string, tenant: string, ended: Promise<unknown>): void {
    this.#endless++;
    void ended.then(() => this.#endless--);
    const { refused, worked, tenants } = this.#memory;
    const digest = digestOf(grammar);
    const now = this.#now();
    const known = (refused.get(digest) ?? 0) > now;
    refused.delete(digest);
    refused.set(digest, now + REFUSED_MS);
    dropOldest(refused, MOST_GRAMMARS);
    worked.delete(digest);
    // Several choices of one request, and requests that came together, are one mistake.
    if (known) return;
    const before = tenants.get(tenant);
    const count = before && now < before.until + FORGIVEN_MS ? before.count + 1 : 1;
    const penalty =
      count <= FREE_STRIKES ? 0 : Math.min(MAX_PENALTY_MS, FIRST_PENALTY_MS * 2 ** (count - FREE_STRIKES - 1));
    tenants.delete(tenant);
    tenants.set(tenant, { count, until: now + penalty });
    dropOldest(tenants, MOST_TENANTS);
  }

  /** Set while a call goes on that was given up: only the end of the process ends it. */
  get recycle(): Recycle | undefined {
    if (this.#endless === 0) return undefined;
    return { reason: `calls that draw tokens by a grammar do not end: ${this.#endless}` };
  }

  /** For another guard of the model. */
  get handover(): unknown {
    return structuredClone(this.#memory);
  }
}

const digestOf = (grammar: string): string => createHash('sha256').update(grammar).digest('base64');

const dropOldest = (kept: Map<string, unknown> | Set<string>, most: number): void => {
  const [oldest] = kept.keys();
  if (kept.size > most && oldest !== undefined) kept.delete(oldest);
};
