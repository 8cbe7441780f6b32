import type { InferenceCall } from '@golek/plugins-api';
import type { SessionCapabilities } from '@golek/providers-spi';
import type { Attempt, AttemptObserver, AttemptRecord } from '../reliability/attempt.ts';
import { faultOf } from './attempt-fault.ts';
import { SlidingWindow } from './sliding-window.ts';
import type { TargetState } from './target-state.ts';

/** Weight of a new observation in the moving averages: about the last ten count. */
const ALPHA = 0.2;
/** What was seen before a pause of so long counts half as much. */
const HALF_LIFE_MS = 15_000;
const ERROR_WINDOW_MS = 60_000;

const averaged = (average: number | undefined, value: number, pauseMs: number): number => {
  if (average === undefined) return value;
  const kept = (1 - ALPHA) * 0.5 ** (pauseMs / HALF_LIFE_MS);
  return value + kept * (average - value);
};

class TargetRecord implements TargetState {
  inFlight = 0;
  firstEventMs: number | undefined;
  durationMs: number | undefined;
  lastAt = 0;
  openedAt = 0;
  capabilities: SessionCapabilities | undefined;
  retired = false;
  readonly window = new SlidingWindow(ERROR_WINDOW_MS);

  get capacity(): number {
    return Math.max(1, this.capabilities?.parallel ?? 1);
  }

  get attempts(): number {
    return this.window.totals(performance.now()).count;
  }

  get errorRate(): number {
    const { count, failed } = this.window.totals(performance.now());
    return count === 0 ? 0 : failed / count;
  }

  forget(): void {
    this.retired = true;
    this.capabilities = this.firstEventMs = this.durationMs = undefined;
    this.lastAt = this.openedAt = 0;
    this.window.clear();
  }
}

/** Load, latency and errors of every model that was a target, from the attempts that were made. Bounded by the registered models. */
export class TargetStats implements AttemptObserver {
  readonly #records = new Map<string, TargetRecord>();

  of(model: string): TargetState | undefined {
    return this.#records.get(model);
  }

  /** What the model can do, once it was opened. */
  capabilities(model: string): SessionCapabilities | undefined {
    return this.#records.get(model)?.capabilities;
  }

  /** A model was opened and says what it can do. */
  opened(model: string, capabilities: SessionCapabilities): void {
    const record = this.#record(model);
    record.capabilities = capabilities;
    record.openedAt = performance.now();
  }

  /** Whether the model was open when the attempt began: a load says nothing about how fast the loaded model answers. */
  wasLoaded({ target, startedAt }: Pick<Attempt, 'target' | 'startedAt'>): boolean {
    return (this.#records.get(target.model)?.openedAt ?? 0) <= startedAt;
  }

  begin(_call: InferenceCall, { target }: Attempt): void {
    this.#record(target.model).inFlight += 1;
  }

  end(_call: InferenceCall, record: AttemptRecord): void {
    const state = this.#records.get(record.target.model);
    if (!state) return;
    state.inFlight -= 1;
    if (state.retired) {
      if (state.inFlight <= 0) this.#records.delete(record.target.model);
      return;
    }
    const now = performance.now();
    const pauseMs = now - state.lastAt;
    const wasLoaded = this.wasLoaded(record);
    if (record.firstEventMs !== undefined && wasLoaded) {
      state.firstEventMs = averaged(state.firstEventMs, record.firstEventMs, pauseMs);
    }
    if (record.outcome === 'answered' && wasLoaded) {
      state.durationMs = averaged(state.durationMs, record.durationMs, pauseMs);
    }
    const fault = faultOf(record);
    if (fault !== undefined) state.window.add(now, fault);
    if (record.outcome !== 'refused') state.lastAt = now;
  }

  /** Drops what is known of a model that is gone; attempts in progress are still counted down. */
  forget(model: string): void {
    const record = this.#records.get(model);
    record?.forget();
    if (record?.inFlight === 0) this.#records.delete(model);
  }

  #record(model: string): TargetRecord {
    let record = this.#records.get(model);
    if (!record) this.#records.set(model, (record = new TargetRecord()));
    record.retired = false;
    return record;
  }
}
