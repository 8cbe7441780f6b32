/** Time to the first token of requests that begin alike: when nobody had the beginning before, after it, while it runs, beside it, and after a restart. */
import { processTree } from '../process-cpu.ts';
import { median } from '../statistics.ts';
import { isQuiet, quietest, takeTurns, type Sample } from '../take-turns.ts';
import type { Contender, EngineSetup } from './contender.ts';
import { startGolekServe } from './golek-serve.ts';
import { PromptMaker } from './prompts.ts';
import { ScratchFolder } from './scratch-folder.ts';
import { modelFile, type ServingOptions, type SideName } from './serving-options.ts';
import { contextFor, setupOf } from './serving.ts';
import { startContender } from './start-contender.ts';
import { firstTokenMs, streamOnce, type StreamRecord } from './stream-client.ts';
import { tokenRequest } from './token-load.ts';

const CASES = ['cold', 'warm', 'running', 'together', 'restarted'] as const;
type Case = (typeof CASES)[number];

interface Seen {
  readonly firstTokenMs: number;
  readonly cachedTokens: number;
}

export interface PrefixResult {
  readonly name: string;
  readonly case: Case;
  /** Medians. */
  readonly firstTokenMs: number;
  readonly cachedTokens: number;
  readonly kept: number;
  readonly taken: number;
}

/** Tokens after the shared beginning, different for every request. */
const TAIL = 16;
/** Tokens that an answer has which others come beside. */
const LONG_ANSWER = 64;
const SHORT_ANSWER = 4;
const SEQUENCES = 4;

const seen = (record: StreamRecord): Seen => ({
  firstTokenMs: firstTokenMs(record),
  cachedTokens: record.cachedTokens,
});

/** One server, and the beginnings that it was given. */
class PrefixRun {
  readonly beginnings: number[][] = [];
  readonly #contender: Contender;
  readonly #prompts: PromptMaker;
  readonly #length: number;

  constructor(contender: Contender, prompts: PromptMaker, length: number) {
    this.#contender = contender;
    this.#prompts = prompts;
    this.#length = length;
  }

  ask(beginning: readonly number[], tokens = SHORT_ANSWER, onChunk?: (count: number) => void): Promise<StreamRecord> {
    const prompt = [...beginning, ...this.#prompts.next(TAIL)];
    return streamOnce({ ...tokenRequest(this.#contender, prompt, tokens), ...(onChunk && { onChunk }) });
  }

  async round(): Promise<Readonly<Record<Exclude<Case, 'restarted'>, Seen>>> {
    const beginning = this.#prompts.next(this.#length);
    this.beginnings.push(beginning);
    const cold = await this.ask(beginning);
    const warm = await this.ask(beginning);

    const other = this.#prompts.next(this.#length);
    const { promise: hasBegun, resolve: begin } = Promise.withResolvers<undefined>();
    const first = this.ask(other, LONG_ANSWER, () => begin(undefined));
    await Promise.race([hasBegun, first]);
    const running = await this.ask(other);
    await first;

    const third = this.#prompts.next(this.#length);
    const pair = [this.ask(third, LONG_ANSWER), this.ask(third)] as const;
    const [, together] = await Promise.all(pair);
    return { cold: seen(cold), warm: seen(warm), running: seen(running), together: seen(together) };
  }
}

const resultsOf = (
  name: string,
  samples: readonly Sample<Awaited<ReturnType<PrefixRun['round']>>>[],
): PrefixResult[] => {
  const used = quietest(samples);
  return CASES.filter((one) => one !== 'restarted').map((one) => ({
    name,
    case: one,
    firstTokenMs: median(used.map(({ result }) => result[one].firstTokenMs)),
    cachedTokens: median(used.map(({ result }) => result[one].cachedTokens)),
    kept: samples.filter(isQuiet).length,
    taken: samples.length,
  }));
};

/** Asks for every beginning again, of a server that has just been started, after a request that loads the model. */
const afterRestart = async (
  name: string,
  run: PrefixRun,
  beginnings: readonly number[][],
  warmUp: readonly number[],
): Promise<PrefixResult> => {
  await run.ask(warmUp);
  const all: Seen[] = [];
  for (const beginning of beginnings) all.push(seen(await run.ask(beginning)));
  return {
    name,
    case: 'restarted',
    firstTokenMs: median(all.map((one) => one.firstTokenMs)),
    cachedTokens: median(all.map((one) => one.cachedTokens)),
    kept: all.length,
    taken: all.length,
  };
};

export const prefixBench = async (options: ServingOptions): Promise<PrefixResult[]> => {
  const { sides, promptTokens, rounds, maxRounds, warmup, golekArgs } = options;
  const prompts = await PromptMaker.of(await modelFile(options.model));
  const setup = await setupOf(options, SEQUENCES, contextFor(promptTokens + TAIL + LONG_ANSWER));
  using scratch = new ScratchFolder('golek-bench-prefix');
  const home = scratch.path;
  const start = (side: SideName, how: EngineSetup): Promise<Contender> =>
    side === 'golek' ? startGolekServe({ ...how, args: golekArgs, home }) : startContender(side, how, options);
  const results: PrefixResult[] = [];
  const beginnings = new Map<SideName, readonly number[][]>();
  {
    await using running = new AsyncDisposableStack();
    const runs: { side: SideName; contender: Contender; run: PrefixRun }[] = [];
    for (const side of sides) {
      const contender = running.use(await start(side, setup));
      runs.push({ side, contender, run: new PrefixRun(contender, prompts, promptTokens) });
    }
    const turns = runs.map(({ contender, run }) => ({
      name: contender.name,
      pids: contender.pids,
      work: () => run.round(),
    }));
    const samples = await takeTurns(turns, { rounds, maxRounds, warmup, own: () => processTree(process.pid) });
    runs.forEach(({ side, contender, run }, index) => {
      results.push(...resultsOf(contender.name, samples[index] ?? []));
      // Not the first, which was the warm-up.
      beginnings.set(side, run.beginnings.slice(1));
    });
  }
  for (const side of sides) {
    await using contender = await start(side, setup);
    const run = new PrefixRun(contender, prompts, promptTokens);
    results.push(await afterRestart(contender.name, run, beginnings.get(side) ?? [], prompts.next(promptTokens)));
  }
  return results;
};
