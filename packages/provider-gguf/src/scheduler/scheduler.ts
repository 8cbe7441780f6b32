import type { GolekError, RequestOption, SessionLoad } from '@golek/providers-spi';
import type { TokenSampler } from '../binding.ts';
import type { Observation } from '../token-logprobs.ts';

/** One answer to be generated. The scheduler calls it, synchronously and in order. */
export interface Sequence {
  /** At least one token, and fewer than the context holds. */
  readonly prompt: Uint32Array;
  /** Most tokens that the answer may have. */
  readonly limit: number;
  readonly sampler: TokenSampler;
  /** Observe the logits of each sampled token with this many of the most probable ones; undefined: do not. */
  readonly observe: number | undefined;
  /** What the weights are adapted with (LoRA): sequences of different groups never share a step or a cell. Undefined: nothing. */
  readonly group?: string | undefined;
  /** True while its consumer has enough to read; the scheduler then leaves it out, and must be told by `wake` when that changes. */
  isPaused(): boolean;
  /** The prompt begins to be evaluated, `reused` tokens of it from the cache. */
  onStart(reused: number): void;
  /** Takes a token; false ends the sequence. */
  onToken(token: number, observation: Observation | undefined): boolean;
  /** The context was full: so many of its older tokens are not looked at any more. */
  onShift?(discarded: number): void;
  onError(error: GolekError): void;
  /** The scheduler does not use the sampler any more. Called once, whatever the end. */
  onRelease(): void;
}

/** On whose behalf, and how urgently, sequences are submitted. */
export interface Claim {
  /** Tenants share the engine's time equally while each has something to do. */
  readonly tenant: string;
  /** Among the requests of a tenant, higher is served first; -10 to 10. One step is worth a second of waiting. */
  readonly priority: number;
  /** The answer is of no use after this, milliseconds of `performance.now()`; Infinity: never. */
  readonly deadline: number;
}

/** Generates all answers of one model. */
export interface Scheduler extends AsyncDisposable {
  readonly load: SessionLoad;
  /** The error of the last step, when it failed as a whole. */
  readonly lastFailure: GolekError | undefined;
  /** Options of requests that it cannot do. */
  readonly refuses: readonly RequestOption[];
  /**
   * Takes sequences in, all or none. Returns the function that ends them before they end themselves. Throws `overloaded` when the queue is full or they
   * could not start before their deadline, `deadline_exceeded` when that has passed, `shutting_down` after disposal began.
   */
  submit(sequences: readonly Sequence[], claim: Claim): () => void;
  /** Goes on when nothing could be done before: a paused sequence may have room again. */
  wake(): void;
}
