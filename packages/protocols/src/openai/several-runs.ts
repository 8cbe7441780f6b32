import type { InferenceEvent, Usage } from '@golek/api';

/** Runs of one request that are in progress at once. */
const PARALLEL_RUNS = 8;

type Run = () => AsyncIterable<InferenceEvent>;

interface Step {
  readonly run: number;
  readonly iterator: AsyncIterator<InferenceEvent>;
  readonly result: IteratorResult<InferenceEvent>;
}

const add = (sum: Usage | undefined, usage: Usage): Usage => {
  const cached = (sum?.cachedPromptTokens ?? 0) + (usage.cachedPromptTokens ?? 0);
  const known = sum?.cachedPromptTokens !== undefined || usage.cachedPromptTokens !== undefined;
  return {
    promptTokens: (sum?.promptTokens ?? 0) + usage.promptTokens,
    completionTokens: (sum?.completionTokens ?? 0) + usage.completionTokens,
    ...(known && { cachedPromptTokens: cached }),
  };
};

const shift = (event: InferenceEvent, offset: number): InferenceEvent =>
  'choice' in event ? { ...event, choice: event.choice + offset } : event;

/**
 * One stream out of the runs of several prompts: `start` once, the choices of run i numbered from i × `choicesEach`, one `usage` that adds up
 * all of them. Up to eight runs are in progress at once, and one event of each is waiting at most. A failure ends the stream; the
 * caller's signal ends the other runs.
 */
export async function* severalRuns(
  runs: readonly Run[],
  choicesEach: number,
): AsyncGenerator<InferenceEvent, void, undefined> {
  const pending = new Map<number, Promise<Step>>();
  const iterators = new Map<number, AsyncIterator<InferenceEvent>>();
  let started = false;
  let usage: Usage | undefined;
  let next = 0;

  const ask = (run: number, iterator: AsyncIterator<InferenceEvent>): void => {
    const step = iterator.next().then((result) => ({ run, iterator, result }));
    // Several may fail; the first failure is reported by the race below.
    step.catch(() => undefined);
    pending.set(run, step);
  };
  const begin = (): void => {
    const run = runs[next];
    if (!run) return;
    const iterator = run()[Symbol.asyncIterator]();
    iterators.set(next, iterator);
    ask(next, iterator);
    next += 1;
  };

  try {
    while (next < Math.min(PARALLEL_RUNS, runs.length)) begin();
    while (pending.size > 0) {
      const { run, iterator, result } = await Promise.race(pending.values());
      if (result.done) {
        pending.delete(run);
        iterators.delete(run);
        begin();
        continue;
      }
      const event = result.value;
      if (event.type === 'usage') usage = add(usage, event.usage);
      else if (event.type !== 'start') yield shift(event, run * choicesEach);
      else if (!started) {
        started = true;
        yield event;
      }
      // Asked for again at the end of the map, so that the runs take turns.
      pending.delete(run);
      ask(run, iterator);
    }
    if (usage) yield { type: 'usage', usage };
  } finally {
    // Not awaited: a run in the middle of a step answers only when the signal ends it.
    for (const iterator of iterators.values()) iterator.return?.().catch(() => undefined);
  }
}
