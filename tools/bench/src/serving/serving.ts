/** Golek's server beside llama-server and the binding's own `evaluate()`, in turn: streams of completions over HTTP. */
import { processTree } from '../process-cpu.ts';
import { median, percentile } from '../statistics.ts';
import { isQuiet, quietest, takeTurns, type Sample } from '../take-turns.ts';
import type { Contender, EngineSetup } from './contender.ts';
import { PromptMaker } from './prompts.ts';
import { modelFile, type ServingOptions } from './serving-options.ts';
import { startContenders } from './start-contender.ts';
import { answerTime, runLoad, type LoadResult, type TokenLoad } from './token-load.ts';

/** How the starts of staggered streams were chosen, the same for all sides. */
export interface Stagger {
  /** The side whose answers were timed in its warm-up, all streams at once. */
  readonly side: string;
  /** Its time of one answer, over which the starts are spread; milliseconds. */
  readonly answerMs: number;
}

/** One side at one number of streams; times in milliseconds, medians over the samples kept. */
export interface ServingResult extends Omit<LoadResult, 'tokens' | 'measuredMs' | 'gaps'> {
  readonly name: string;
  readonly streams: number;
  /** Undefined where the streams start together. */
  readonly stagger: Stagger | undefined;
  /** Of the gaps of all samples kept taken together, and how many they are: `gapP99` is a median of figures that stand on few each. */
  readonly gapP99Pooled: number;
  readonly gapsPooled: number;
  /** Of one more sample, taken for this alone. */
  readonly loopDelayP99: number | undefined;
  /** CPU of the server for each token generated. */
  readonly cpuMsPerToken: number;
  readonly kept: number;
  readonly taken: number;
  readonly samples: readonly (Omit<LoadResult, 'gaps'> & { readonly foreign: number })[];
}

export const resultOf = (
  name: string,
  streams: number,
  samples: readonly Sample<LoadResult>[],
  loopDelayP99?: number,
  stagger?: Stagger,
): ServingResult => {
  const used = quietest(samples);
  const pooled = used.flatMap(({ result }) => result.gaps);
  const middle = (pick: (result: LoadResult) => number): number => median(used.map(({ result }) => pick(result)));
  return {
    name,
    streams,
    stagger,
    tokensPerSecond: middle((result) => result.tokensPerSecond),
    firstTokenP50: middle((result) => result.firstTokenP50),
    firstTokenP95: middle((result) => result.firstTokenP95),
    gapP50: middle((result) => result.gapP50),
    gapP95: middle((result) => result.gapP95),
    gapP99: middle((result) => result.gapP99),
    gapP99Pooled: percentile(pooled, 99),
    gapsPooled: pooled.length,
    loopDelayP99,
    cpuMsPerToken: median(used.map(({ result, cpuNs }) => cpuNs / 1e6 / result.tokens)),
    kept: samples.filter(isQuiet).length,
    taken: samples.length,
    samples: samples.map(({ result: { gaps: _, ...result }, foreign }) => ({ ...result, foreign })),
  };
};

/** Room for the tokens, and for what a server keeps free at the end. */
export const contextFor = (tokens: number): number => Math.ceil((tokens + 32) / 256) * 256;

export const setupOf = async (
  { model, threads, flashAttention, batch }: ServingOptions,
  sequences: number,
  context: number,
): Promise<EngineSetup> => ({
  model: await modelFile(model),
  threads,
  flashAttention,
  batch,
  sequences,
  context,
});

/** Times an answer of llama-server, or of the first side where it does not take part. */
const staggerOf = async (
  contenders: readonly Contender[],
  prompts: PromptMaker,
  load: TokenLoad,
): Promise<Stagger | undefined> => {
  const timed = contenders.find(({ name }) => name === 'llama-server') ?? contenders[0];
  return timed && { side: timed.name, answerMs: await answerTime(timed, prompts, load) };
};

export const servingBench = async (options: ServingOptions): Promise<ServingResult[]> => {
  const { sides, streams, arrivals, requests, promptTokens, tokens, rounds, maxRounds, warmup } = options;
  const results: ServingResult[] = [];
  const prompts = await PromptMaker.of(await modelFile(options.model));
  for (const count of streams) {
    const setup = await setupOf(options, count, contextFor(promptTokens + tokens));
    await using running = await startContenders(sides, setup, options);
    const together = { streams: count, requests, promptTokens, tokens };
    const stagger = arrivals === 'staggered' ? await staggerOf(running.contenders, prompts, together) : undefined;
    const load: TokenLoad = stagger ? { ...together, answerMs: stagger.answerMs } : together;
    const turns = running.contenders.map((contender) => ({
      name: contender.name,
      pids: contender.pids,
      work: () => runLoad(contender, prompts, load),
    }));
    const samples = await takeTurns(turns, { rounds, maxRounds, warmup, own: () => processTree(process.pid) });
    for (const [index, contender] of running.contenders.entries()) {
      const delay = contender.watchLoop?.();
      if (delay) await runLoad(contender, prompts, load);
      const loopDelayP99 = (await delay?.())?.p99;
      results.push(resultOf(contender.name, count, samples[index] ?? [], loopDelayP99, stagger));
    }
  }
  return results;
};
