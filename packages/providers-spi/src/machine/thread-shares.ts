import type { Task } from '@golek/api';
import type { SessionThreads } from '../provider.ts';
import { chooseThreads, type ThreadChoice } from './cpu-threads.ts';

/** What the machine has for models: threads by default, and the most that can run at the same time. */
export type ThreadBudget = Pick<ThreadChoice, 'threads' | 'most'>;

/**
 * Threads of engines that are busy at once, by the most that each may have, in the same order. One alone has what it was given. Several divide what one would have by default, or was given
 * where that is more and the processors are there: each gets at least one thread, then as equally as their own limits allow; what cannot be divided goes to the first ones.
 */
export const threadShares = (most: readonly number[], machine: ThreadBudget): number[] => {
  if (most.length < 2) return [...most];
  const budget = Math.max(machine.threads, Math.min(machine.most, Math.max(...most)));
  const shares = most.map(() => 1);
  let left = budget - shares.length;
  while (left > 0) {
    const before = left;
    for (const [i, limit] of most.entries()) {
      if (left === 0 || (shares[i] ?? limit) >= limit) continue;
      shares[i] = (shares[i] ?? 0) + 1;
      left--;
    }
    if (left === before) break;
  }
  return shares;
};

/** An engine is busy for so long after its last run has ended, so that one with short runs does not take and give threads each time. */
const BUSY_AFTER_MS = 1_000;
/** Quotas and masks change rarely, and it takes many small files to know them. */
const MACHINE_KNOWN_MS = 10_000;

const EVALUATES_NOTHING: ReadonlySet<Task> = new Set(['tokenize', 'detokenize', 'count']);

/** Whether an engine needs its threads for a task. */
export const takesThreads = (task: Task): boolean => !EVALUATES_NOTHING.has(task);

/** One engine among those that share the processors. */
export interface ThreadUser {
  /** A run that evaluates begins: the engine is busy at once. */
  begin(): void;
  /** It ends. */
  end(): void;
  /** The engine is gone, with its runs. */
  leave(): void;
}

/** Divides the processors among the engines that are busy; an idle one counts nothing and is told nothing. */
export class ThreadSharing {
  readonly #machine: () => ThreadBudget;
  /** In the order in which they became busy; with what each was told last. */
  readonly #busy = new Map<SessionThreads, number>();
  #known: { readonly budget: ThreadBudget; readonly at: number } | undefined;

  /** `machine` is for tests. */
  constructor(machine: () => ThreadBudget = chooseThreads) {
    this.#machine = machine;
  }

  /** An engine whose threads may be changed, idle as yet, with all of its threads. */
  join(threads: SessionThreads): ThreadUser {
    let [runs, told] = [0, threads.most];
    let idle: NodeJS.Timeout | undefined;
    let left = false;
    const rest = (): void => {
      told = this.#busy.get(threads) ?? told;
      if (this.#busy.delete(threads)) this.#divide();
    };
    return {
      begin: () => {
        if (left) return;
        clearTimeout(idle);
        runs++;
        if (this.#busy.has(threads)) return;
        this.#busy.set(threads, told);
        this.#divide();
      },
      end: () => {
        if (left || --runs > 0) return;
        idle = setTimeout(rest, BUSY_AFTER_MS).unref();
      },
      leave: () => {
        if (left) return;
        left = true;
        clearTimeout(idle);
        rest();
      },
    };
  }

  #divide(): void {
    const busy = [...this.#busy];
    const shares = threadShares(
      busy.map(([{ most }]) => most),
      busy.length < 2 ? NOT_NEEDED : this.#budget(),
    );
    for (const [i, [threads, told]] of busy.entries()) {
      const share = shares[i] ?? told;
      if (share === told) continue;
      this.#busy.set(threads, share);
      threads.use(share);
    }
  }

  #budget(): ThreadBudget {
    const at = performance.now();
    if (!this.#known || at - this.#known.at > MACHINE_KNOWN_MS) this.#known = { budget: this.#machine(), at };
    return this.#known.budget;
  }
}

const NOT_NEEDED: ThreadBudget = { threads: 1, most: 1 };
