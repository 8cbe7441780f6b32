import { decorrelatedJitterGenerator, ExponentialBackoff, fullJitterGenerator, type IBackoff } from 'cockatiel';
import type { RetryPolicy } from './target-policy.ts';

type Pause = IBackoff<unknown>;

const pauses = ({ jitter, minDelayMs: initialDelay, maxDelayMs: maxDelay }: RetryPolicy): Pause =>
  jitter === 'full'
    ? new ExponentialBackoff({ generator: fullJitterGenerator, initialDelay, maxDelay }).next()
    : new ExponentialBackoff({ generator: decorrelatedJitterGenerator, initialDelay, maxDelay }).next();

/** The pauses between the tries of one call on one target, milliseconds: exponential, with jitter. */
export class RetryDelays {
  readonly #policy: RetryPolicy;
  #pause: Pause | undefined;

  constructor(policy: RetryPolicy) {
    this.#policy = policy;
  }

  next(): number {
    this.#pause = this.#pause?.next(undefined) ?? pauses(this.#policy);
    return Math.min(this.#pause.duration, this.#policy.maxDelayMs);
  }
}
