import type { CallOutcome } from '@golek/plugins-api';

/** Counts since the start of the runtime. */
export interface UsageTotals {
  completed: number;
  failed: number;
  /** Calls whose consumer left before the end. */
  abandoned: number;
  promptTokens: number;
  completionTokens: number;
}

export interface UsageRecord {
  /** Registered name; absent when the call ended before a model answered. */
  readonly model: string | undefined;
  readonly status: CallOutcome['status'];
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** Calls that ended before a model answered are counted under this name. */
const UNANSWERED = '(none)';

/** Running totals by model. Bounded: names come from the registry, never from clients. */
export class UsageMeter {
  readonly #totals = new Map<string, UsageTotals>();

  record({ model = UNANSWERED, status, promptTokens, completionTokens }: UsageRecord): void {
    let totals = this.#totals.get(model);
    if (!totals)
      this.#totals.set(
        model,
        (totals = { completed: 0, failed: 0, abandoned: 0, promptTokens: 0, completionTokens: 0 }),
      );
    totals[status] += 1;
    totals.promptTokens += promptTokens;
    totals.completionTokens += completionTokens;
  }

  /** A copy of the totals, by model. */
  totals(): Record<string, UsageTotals> {
    return Object.fromEntries([...this.#totals].map(([model, totals]) => [model, { ...totals }]));
  }
}
