import { GolekError } from '@golek/api';
import { SILENT_LOG, type Handler, type InferenceCall, type Log, type PhaseContribution } from '@golek/plugins-api';
import { EngineRun, type EventIterator, type RunHost } from './engine-run.ts';
import type { ExtensionPoint } from './extensions/extension-point.ts';
import { LivePipeline, type PipelineGeneration } from './pipeline/live-pipeline.ts';

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
  readonly #host: RunHost;
  readonly #running = new Set<EngineRun>();
  #draining = false;
  #whenIdle: (() => void) | undefined;

  /** Throws `invalid_request` for phases that cannot be composed. */
  constructor({ phases, dispatch, log = SILENT_LOG }: EngineOptions) {
    this.#pipeline = new LivePipeline(phases, dispatch, log);
    this.#host = { log, begin: (run) => this.#begin(run), end: (run) => this.#end(run) };
  }

  /** Calls in progress. */
  get inFlight(): number {
    return this.#running.size;
  }

  /** The same, the oldest first. */
  calls(): readonly InferenceCall[] {
    return Array.from(this.#running, ({ call }) => call);
  }

  /**
   * Runs a call. Nothing happens before the first event is asked for; leaving the loop ends the work. Throws GolekError; a call whose
   * signal was aborted throws the signal's reason as GolekError. `controller`: that of the call's signal, where its owner lets the engine abort it for `cancel` and
   * `drain`; without it the engine makes a signal of its own.
   */
  run(call: InferenceCall, controller?: AbortController): EventIterator {
    return new EngineRun(call, controller, this.#host);
  }

  #begin(run: EngineRun): PipelineGeneration {
    if (this.#draining) throw new GolekError('shutting_down', 'the runtime is stopping and takes no new requests');
    const pipeline = this.#pipeline.current;
    pipeline.enter();
    this.#running.add(run);
    return pipeline;
  }

  #end(run: EngineRun): void {
    this.#running.delete(run);
    if (this.#running.size === 0) this.#whenIdle?.();
  }

  /**
   * Ends the calls in progress with this id that `mayCancel` allows; they fail with `cancelled` and give back what they hold.
   * @returns how many.
   */
  cancel(id: string, mayCancel: (call: InferenceCall) => boolean = () => true): number {
    // All first: runs of one request may share their controller.
    const runs = [...this.#running].filter((run) => run.call.id === id && !run.aborted && mayCancel(run.call));
    for (const run of runs) run.abort(new GolekError('cancelled', `the request '${id}' was cancelled`));
    return runs.length;
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
    for (const run of this.#running) run.abort(reason);
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0);
  }
}
