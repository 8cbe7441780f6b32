import { GolekError, type InferenceEvent } from '@golek/api';
import {
  SILENT_LOG,
  type CallOutcome,
  type Handler,
  type InferenceCall,
  type Log,
  type PhaseContribution,
} from '@golek/plugins-api';
import type { ExtensionPoint } from './extensions/extension-point.ts';
import { CallWatch } from './pipeline/call-watch.ts';
import { LivePipeline } from './pipeline/live-pipeline.ts';
import { InferenceSpan } from './telemetry/inference-span.ts';

export interface EngineOptions {
  /** All contributions; they may change while the engine works. */
  readonly phases: ExtensionPoint<PhaseContribution>;
  /** The innermost handler, as `dispatcher` makes it. */
  readonly dispatch: Handler;
  readonly log?: Log;
}

/** The only way of a request to a provider: the phases around the dispatch, composed once for each set of phases. */
export class Engine implements AsyncDisposable {
  readonly #pipeline: LivePipeline;
  readonly #log: Log;
  readonly #running = new Map<AbortController, InferenceCall>();
  #draining = false;
  #whenIdle: (() => void) | undefined;

  /** Throws `invalid_request` for phases that cannot be composed. */
  constructor({ phases, dispatch, log = SILENT_LOG }: EngineOptions) {
    this.#log = log;
    this.#pipeline = new LivePipeline(phases, dispatch, log);
  }

  /** Calls in progress. */
  get inFlight(): number {
    return this.#running.size;
  }

  /**
   * Runs a call. Nothing happens before the first event is asked for; leaving the loop ends the work. Throws GolekError; a call whose
   * signal was aborted throws the signal's reason as GolekError.
   */
  async *run(call: InferenceCall): AsyncGenerator<InferenceEvent, void, undefined> {
    if (this.#draining) throw new GolekError('shutting_down', 'the runtime is stopping and takes no new requests');
    const controller = new AbortController();
    const onAbort = (): void => controller.abort(call.signal.reason);
    if (call.signal.aborted) onAbort();
    else call.signal.addEventListener('abort', onAbort, { once: true });
    const span = InferenceSpan.start(call);
    const running: InferenceCall = Object.freeze({
      ...call,
      signal: controller.signal,
      trace: span?.trace ?? call.trace,
    });
    this.#running.set(controller, running);
    const pipeline = this.#pipeline.current;
    pipeline.enter();
    const watch = new CallWatch(running, pipeline.observers, this.#log);
    if (span) watch.join('golek.trace', span);
    let outcome: CallOutcome = { status: 'abandoned' };
    try {
      for await (const event of pipeline.handler(running)) {
        watch.event(event);
        yield event;
      }
      outcome = { status: 'completed' };
    } catch (thrown) {
      const error = failureOf(running, thrown);
      outcome = { status: 'failed', error };
      throw error;
    } finally {
      call.signal.removeEventListener('abort', onAbort);
      this.#running.delete(controller);
      watch.end(outcome);
      pipeline.leave();
      if (this.#running.size === 0) this.#whenIdle?.();
    }
  }

  /**
   * Ends the calls in progress with this id that `mayCancel` allows; they fail with `cancelled` and give back what they hold.
   * @returns how many.
   */
  cancel(id: string, mayCancel: (call: InferenceCall) => boolean = () => true): number {
    let count = 0;
    for (const [controller, call] of this.#running) {
      if (call.id !== id || controller.signal.aborted || !mayCancel(call)) continue;
      controller.abort(new GolekError('cancelled', `the request '${id}' was cancelled`));
      count += 1;
    }
    return count;
  }

  /**
   * Refuses new calls with `shutting_down` and waits for those in progress. After `graceMs` milliseconds it aborts the rest.
   * @returns true when every call ended by itself.
   */
  async drain(graceMs: number): Promise<boolean> {
    this.#draining = true;
    if (this.#running.size === 0) return true;
    const idle = new Promise<void>((resolve) => (this.#whenIdle = resolve));
    const timer = Promise.withResolvers<'late'>();
    const handle = setTimeout(() => timer.resolve('late'), graceMs);
    const late = (await Promise.race([idle, timer.promise])) === 'late';
    clearTimeout(handle);
    if (!late) return true;
    const reason = new GolekError(
      'shutting_down',
      `the runtime stopped; the request did not end within the grace time of ${graceMs} ms`,
    );
    for (const controller of this.#running.keys()) controller.abort(reason);
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0);
  }
}

/** The one place where a failure of a call gets its code: an aborted call failed for the reason of its signal. */
const failureOf = (call: InferenceCall, thrown: unknown): GolekError =>
  call.signal.aborted ? GolekError.from(call.signal.reason, 'cancelled') : GolekError.from(thrown);
