/** What a long prompt does to those who are being answered: their times between tokens before it comes, and while it is evaluated. */
import { processTree } from '../process-cpu.ts';
import { median, percentile } from '../statistics.ts';
import { isQuiet, quietest, takeTurns } from '../take-turns.ts';
import type { Contender } from './contender.ts';
import { PromptMaker } from './prompts.ts';
import { modelFile, type ServingOptions } from './serving-options.ts';
import { contextFor, setupOf } from './serving.ts';
import { startContenders } from './start-contender.ts';
import { firstTokenMs, streamOnce } from './stream-client.ts';
import { tokenRequest } from './token-load.ts';

const SHORT_PROMPT = 64;
/** Chunks of each stream before the long prompt is sent. */
const BEFORE = 48;

interface Disturbance {
  readonly beforeP99: number;
  readonly duringP99: number;
  readonly duringMax: number;
  /** Time to the first token of the long prompt. */
  readonly longFirstMs: number;
}

export interface LongPrefillResult extends Disturbance {
  readonly name: string;
  readonly streams: number;
  /** Median over the samples of during / before. */
  readonly ratio: number;
  readonly kept: number;
  readonly taken: number;
}

/** Gaps that overlap a time. */
const gapsWithin = (chunks: readonly number[], from: number, to: number): number[] =>
  chunks.flatMap((at, index) => {
    const previous = chunks[index - 1];
    return previous !== undefined && at > from && previous < to ? [at - previous] : [];
  });

const disturb = async (
  contender: Contender,
  prompts: PromptMaker,
  streams: number,
  long: number,
): Promise<Disturbance> => {
  const ends = new AbortController();
  const times = Array.from({ length: streams }, (): number[] => []);
  const { promise: settled, resolve: settle } = Promise.withResolvers<undefined>();
  // More tokens than there is time for: the streams end when the long prompt is answered.
  const room = long - SHORT_PROMPT;
  const decoding = times.map(async (chunks) => {
    const onChunk = (): void => {
      chunks.push(performance.now());
      if (times.every(({ length }) => length >= BEFORE)) settle(undefined);
    };
    const wanted = tokenRequest(contender, prompts.next(SHORT_PROMPT), room);
    await streamOnce({ ...wanted, onChunk, signal: ends.signal }).catch((error: unknown) => {
      if (!ends.signal.aborted) throw error;
    });
  });
  await Promise.race([settled, Promise.all(decoding)]);
  const long$ = await streamOnce(tokenRequest(contender, prompts.next(long), 2));
  ends.abort();
  await Promise.all(decoding);
  const answeredAt = long$.chunksAt[0] ?? long$.endedAt;
  // From when all streams decode: what came before held their own prompts.
  const steadyAt = Math.max(...times.map((chunks) => chunks[7] ?? 0));
  const before = times.flatMap((chunks) => gapsWithin(chunks, steadyAt, long$.startedAt).slice(0, -1));
  const during = times.flatMap((chunks) => gapsWithin(chunks, long$.startedAt, answeredAt));
  return {
    beforeP99: percentile(before, 99),
    duringP99: percentile(during, 99),
    duringMax: Math.max(...during),
    longFirstMs: firstTokenMs(long$),
  };
};

export const longPrefillBench = async (options: ServingOptions): Promise<LongPrefillResult[]> => {
  const { sides, promptTokens, rounds, maxRounds, warmup, streams } = options;
  const prompts = await PromptMaker.of(await modelFile(options.model));
  const results: LongPrefillResult[] = [];
  for (const count of streams) {
    const setup = await setupOf(options, count + 1, contextFor(promptTokens));
    await using running = await startContenders(sides, setup, options);
    const turns = running.contenders.map((contender) => ({
      name: contender.name,
      pids: contender.pids,
      work: () => disturb(contender, prompts, count, promptTokens),
    }));
    const samples = await takeTurns(turns, { rounds, maxRounds, warmup, own: () => processTree(process.pid) });
    turns.forEach(({ name }, index) => {
      const taken = samples[index] ?? [];
      const used = quietest(taken).map(({ result }) => result);
      results.push({
        name,
        streams: count,
        beforeP99: median(used.map((one) => one.beforeP99)),
        duringP99: median(used.map((one) => one.duringP99)),
        duringMax: median(used.map((one) => one.duringMax)),
        longFirstMs: median(used.map((one) => one.longFirstMs)),
        ratio: median(used.map((one) => one.duringP99 / one.beforeP99)),
        kept: taken.filter(isQuiet).length,
        taken: taken.length,
      });
    });
  }
  return results;
};
