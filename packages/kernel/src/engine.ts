import { GolekError, type InferenceEvent } from '@golek/api';
import { SILENT_LOG, type Handler, type InferenceCall, type Log, type PhaseContribution } from '@golek/plugins-api';
import { dispatcher } from './dispatch.ts';
import type { ModelRegistry } from './models/model-registry.ts';
import type { SessionPool } from './models/session-pool.ts';
import { composePhases } from './pipeline/compose-phases.ts';
import { failureOf } from './pipeline/observed-handler.ts';
import { routePhase } from './phases/route-phase.ts';

export interface EngineOptions {
  readonly models: ModelRegistry;
  readonly sessions: Pick<SessionPool, 'lease'>;
  /** Contributions to the phases beside routing, which the engine brings itself. */
  readonly phases?: readonly PhaseContribution[];
  readonly log?: Log;
}

/** The only way of a request to a provider: the phases, composed once, around the dispatch. */
export class Engine implements AsyncDisposable {
  readonly #handler: Handler;
  readonly #running = new Set<AbortController>();
  #draining = false;
  #whenIdle: (() => void) | undefined;

  constructor({ models, sessions, phases = [], log = SILENT_LOG }: EngineOptions) {
    this.#handler = composePhases([routePhase(models), ...phases], dispatcher(models, sessions), log);
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
    const running: InferenceCall = Object.freeze({ ...call, signal: controller.signal });
    this.#running.add(controller);
    try {
      yield* this.#handler(running);
    } catch (thrown) {
      throw failureOf(running, thrown);
    } finally {
      call.signal.removeEventListener('abort', onAbort);
      this.#running.delete(controller);
      if (this.#running.size === 0) this.#whenIdle?.();
    }
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
    for (const controller of this.#running) controller.abort(reason);
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0);
  }
}
