/** How soon a place is free when its client goes: time from the abort to the first token of the request that waits for the only place. */
import { setTimeout as sleep } from 'node:timers/promises';
import { processTree } from '../process-cpu.ts';
import { percentile } from '../statistics.ts';
import { isQuiet, quietest, takeTurns } from '../take-turns.ts';
import type { Contender } from './contender.ts';
import { PromptMaker } from './prompts.ts';
import { ArgumentError, modelFile, type ServingOptions } from './serving-options.ts';
import { contextFor, setupOf } from './serving.ts';
import { startContenders } from './start-contender.ts';
import { streamOnce } from './stream-client.ts';
import { tokenRequest } from './token-load.ts';

const CASES = ['while decoding', 'during a long prefill'] as const;
type Case = (typeof CASES)[number];

/** Chunks after which a decoding answer is aborted. */
const DECODED = 12;
/** Part of the time of the long prefill after which it is aborted. */
const INTO_PREFILL = 0.3;
/** Prompt of the one that waits: evaluated in the step that answers it. */
const WAITING_PROMPT = 4;

export interface AbortResult {
  readonly name: string;
  readonly case: Case;
  /** From the abort to the first token of the next; the place was free before. Milliseconds. */
  readonly p50: number;
  readonly max: number;
  readonly kept: number;
  readonly taken: number;
}

const abortOnce = async (
  contender: Contender,
  prompts: PromptMaker,
  one: Case,
  long: number,
  longMs: number,
): Promise<number> => {
  const gone = new AbortController();
  const { promise: isTime, resolve: begin } = Promise.withResolvers<undefined>();
  const isDecoding = one === 'while decoding';
  const prompt = prompts.next(isDecoding ? 64 : long);
  const running = streamOnce({
    ...tokenRequest(contender, prompt, long / 2),
    signal: gone.signal,
    onChunk: (count) => {
      if (isDecoding && count === DECODED) begin(undefined);
    },
  }).catch((error: unknown) => {
    if (!gone.signal.aborted) throw error;
  });
  if (!isDecoding) void sleep(longMs * INTO_PREFILL).then(() => begin(undefined));
  await Promise.race([isTime, running]);
  const waiting = streamOnce(tokenRequest(contender, prompts.next(WAITING_PROMPT), 1));
  // The other request must be in the queue before the place is given up.
  await sleep(30);
  const abortedAt = performance.now();
  gone.abort();
  await running;
  const record = await waiting;
  const freeMs = (record.chunksAt[0] ?? record.endedAt) - abortedAt;
  if (freeMs < 0)
    throw new ArgumentError(
      `${contender.name} had answered before the abort ${one}: --prompt-tokens ${long} is too short for this model`,
    );
  return freeMs;
};

export const abortBench = async (options: ServingOptions): Promise<AbortResult[]> => {
  const { sides, promptTokens: long, rounds, maxRounds, warmup } = options;
  const prompts = await PromptMaker.of(await modelFile(options.model));
  const setup = await setupOf(options, 1, contextFor(2 * long));
  await using running = await startContenders(sides, setup, options);
  const longMs = new Map<Contender, number>();
  for (const contender of running.contenders) {
    // Loads the model, which is not to be timed.
    await streamOnce(tokenRequest(contender, prompts.next(WAITING_PROMPT), 1));
    const { startedAt, endedAt } = await streamOnce(tokenRequest(contender, prompts.next(long), 1));
    longMs.set(contender, endedAt - startedAt);
  }
  const results: AbortResult[] = [];
  for (const one of CASES) {
    const turns = running.contenders.map((contender) => ({
      name: contender.name,
      pids: contender.pids,
      work: () => abortOnce(contender, prompts, one, long, longMs.get(contender) ?? 0),
    }));
    const samples = await takeTurns(turns, { rounds, maxRounds, warmup, own: () => processTree(process.pid) });
    turns.forEach(({ name }, index) => {
      const taken = samples[index] ?? [];
      const used = quietest(taken).map(({ result }) => result);
      results.push({
        name,
        case: one,
        p50: percentile(used, 50),
        max: Math.max(...used),
        kept: taken.filter(isQuiet).length,
        taken: taken.length,
      });
    });
  }
  return results;
};
