import { GolekError, type InferenceEvent } from '@golek/api';
import type { CallOutcome, InferenceCall, Log } from '@golek/plugins-api';
import { CallWatch } from './pipeline/call-watch.ts';
import type { PipelineGeneration } from './pipeline/live-pipeline.ts';
import { InferenceSpan } from './telemetry/inference-span.ts';

/** What a run takes from its engine and tells it. */
export interface RunHost {
  readonly log: Log;
  /** Called when the first event is asked for. Throws when no run may begin. @returns the phases for it. */
  begin(run: EngineRun): PipelineGeneration;
  end(run: EngineRun): void;
}

type Result = IteratorResult<InferenceEvent, undefined>;

/** The events of a run. Leaving it early ends the work; a step in progress ends first. */
export interface EventIterator extends AsyncIterableIterator<InferenceEvent, undefined, undefined> {
  next(): Promise<Result>;
  return(): Promise<Result>;
}

const DONE: Result = { done: true, value: undefined };

/**
 * One call through the phases, watched. An iterator by hand, not a generator: it stands in every stream, and a generator would cost each event three more microtasks.
 */
export class EngineRun implements EventIterator {
  readonly #given: InferenceCall;
  readonly #host: RunHost;
  readonly #controller: AbortController;
  /** Passes an abort of the given signal on, where the controller is the engine's own. */
  readonly #onAbort: (() => void) | undefined;
  #call: InferenceCall;
  #pipeline: PipelineGeneration | undefined;
  #watch: CallWatch | undefined;
  #source: AsyncIterator<InferenceEvent> | undefined;
  /** The step that was asked for last. */
  #step: Promise<Result> | undefined;
  #ended = false;

  /** `controller`: that of the call's signal, where its owner leaves it to the engine. */
  constructor(call: InferenceCall, controller: AbortController | undefined, host: RunHost) {
    this.#given = call;
    this.#call = call;
    this.#host = host;
    this.#controller = controller ?? new AbortController();
    if (!controller) this.#onAbort = (): void => this.#controller.abort(call.signal.reason);
  }

  get call(): InferenceCall {
    return this.#call;
  }

  get aborted(): boolean {
    return this.#controller.signal.aborted;
  }

  abort(reason: GolekError): void {
    this.#controller.abort(reason);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    if (this.#ended) return Promise.resolve(DONE);
    try {
      const source = (this.#source ??= this.#begin());
      return (this.#step = source.next().then(this.#pass, this.#fail));
    } catch (thrown) {
      return Promise.reject(this.#failure(thrown));
    }
  }

  async return(): Promise<Result> {
    // A step in progress ends first, as in a generator.
    await this.#step?.catch(() => undefined);
    if (this.#ended) return DONE;
    if (!this.#source) {
      this.#ended = true;
      return DONE;
    }
    try {
      await this.#source.return?.();
    } catch (thrown) {
      throw this.#failure(thrown);
    }
    this.#end({ status: 'abandoned' });
    return DONE;
  }

  #begin(): AsyncIterator<InferenceEvent> {
    const call = this.#given;
    const pipeline = this.#host.begin(this);
    this.#pipeline = pipeline;
    if (this.#onAbort) {
      if (call.signal.aborted) this.#onAbort();
      else call.signal.addEventListener('abort', this.#onAbort, { once: true });
    }
    const span = InferenceSpan.start(call);
    if (span || this.#onAbort) {
      this.#call = Object.freeze({ ...call, signal: this.#controller.signal, trace: span?.trace ?? call.trace });
    }
    const watch = (this.#watch = new CallWatch(this.#call, pipeline.observers, this.#host.log));
    if (span) watch.join('golek.trace', span);
    return pipeline.handler(this.#call)[Symbol.asyncIterator]();
  }

  readonly #pass = (result: IteratorResult<InferenceEvent>): Result => {
    if (result.done) {
      this.#end({ status: 'completed' });
      return DONE;
    }
    this.#watch?.event(result.value);
    return result;
  };

  readonly #fail = (thrown: unknown): never => {
    throw this.#failure(thrown);
  };

  /** The one place where a failure of a call gets its code: an aborted call failed for the reason of its signal. */
  #failure(thrown: unknown): GolekError {
    const { signal } = this.#call;
    const error = signal.aborted ? GolekError.from(signal.reason, 'cancelled') : GolekError.from(thrown);
    this.#end({ status: 'failed', error });
    return error;
  }

  #end(outcome: CallOutcome): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#pipeline) return;
    if (this.#onAbort) this.#given.signal.removeEventListener('abort', this.#onAbort);
    this.#watch?.end(outcome);
    this.#pipeline.leave();
    this.#host.end(this);
  }
}
