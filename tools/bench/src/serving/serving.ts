/** Golek's server beside llama-server and the binding's own `evaluate()`, in turn: streams of completions over HTTP. */
import { processTree } from '../process-cpu.ts';
import { median } from '../statistics.ts';
import { isQuiet, quietest, takeTurns, type Sample } from '../take-turns.ts';
import type { EngineSetup } from './contender.ts';
import { PromptMaker } from './prompts.ts';
import { modelFile, type ServingOptions } from './serving-options.ts';
import { startContenders } from './start-contender.ts';
import { runLoad, type LoadResult } from './token-load.ts';

/** One side at one number of streams; times in milliseconds, medians over the samples kept. */
export interface ServingResult extends Omit<LoadResult, 'tokens'> {
  readonly name: string;
  readonly streams: number;
  /** Of one more sample, taken for this alone. */
  readonly loopDelayP99: number | undefined;
  /** CPU of the server for each token generated. */
  readonly cpuMsPerToken: number;
  readonly kept: number;
  readonly taken: number;
  readonly samples: readonly (LoadResult & { readonly foreign: number })[];
}

export const resultOf = (
  name: string,
  streams: number,
  samples: readonly Sample<LoadResult>[],
  loopDelayP99?: number,
): ServingResult => {
  const used = quietest(samples);
  const middle = (pick: (result: LoadResult) => number): number => median(used.map(({ result }) => pick(result)));
  return {
    name,
    streams,
    tokensPerSecond: middle((result) => result.tokensPerSecond),
    firstTokenP50: middle((result) => result.firstTokenP50),
    firstTokenP95: middle((result) => result.firstTokenP95),
    gapP50: middle((result) => result.gapP50),
    gapP95: middle((result) => result.gapP95),
    gapP99: middle((result) => result.gapP99),
    loopDelayP99,
    cpuMsPerToken: median(used.map(({ result, cpuNs }) => cpuNs / 1e6 / result.tokens)),
    kept: samples.filter(isQuiet).length,
    taken: samples.length,
    samples: samples.map(({ result, foreign }) => ({ ...result, foreign })),
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

export const servingBench = async (options: ServingOptions): Promise<ServingResult[]> => {
  const { sides, streams, requests, promptTokens, tokens, rounds, maxRounds } = options;
  const results: ServingResult[] = [];
  const prompts = await PromptMaker.of(await modelFile(options.model));
  for (const count of streams) {
    const setup = await setupOf(options, count, contextFor(promptTokens + tokens));
    await using running = await startContenders(sides, setup, options);
    const load = { streams: count, requests, promptTokens, tokens };
    const turns = running.contenders.map((contender) => ({
      name: contender.name,
      pids: contender.pids,
      work: () => runLoad(contender, prompts, load),
    }));
    const samples = await takeTurns(turns, { rounds, maxRounds, own: () => processTree(process.pid) });
    for (const [index, contender] of running.contenders.entries()) {
      const delay = contender.watchLoop?.();
      if (delay) await runLoad(contender, prompts, load);
      results.push(resultOf(contender.name, count, samples[index] ?? [], (await delay?.())?.p99));
    }
  }
  return results;
};
