import { processTree } from '../process-cpu.ts';
import { isQuiet, quietest, takeTurns } from '../take-turns.ts';
import { median } from '../statistics.ts';
import type { LoadResult } from './embed-load.ts';
import { startSide, type Side, type SideArguments, type SideKind } from './side.ts';

export interface CompareOptions extends Omit<SideArguments, 'kind' | 'port'> {
  readonly sides: readonly SideKind[];
  readonly callers: readonly number[];
  readonly rounds: number;
  readonly maxRounds: number;
}

export interface SideResult extends Omit<LoadResult, 'sentences'> {
  readonly name: SideKind;
  readonly callers: number;
  /** CPU of all processes of the side for one sentence, ms. */
  readonly cpuMs: number;
  readonly kept: number;
  readonly taken: number;
  readonly samples: readonly (Omit<LoadResult, 'sentences'> & { readonly cpuMs: number; readonly foreign: number })[];
}

/** Sentences that all sides embed before anything is timed: whoever makes other vectors does other work. */
const CHECKED = 32;
const LEAST_COSINE = 0.999;

/** Throws where a side makes other vectors than the first one. */
const checkAlike = async (sides: readonly Side[]): Promise<void> => {
  const [first, ...others] = sides;
  const wanted = await first?.vectors(CHECKED);
  for (const other of others) {
    const given = await other.vectors(CHECKED);
    for (const [index, vector] of (wanted ?? []).entries()) {
      const cosine = vector.reduce((sum, component, i) => sum + component * (given[index]?.[i] ?? NaN), 0);
      if (!(cosine >= LEAST_COSINE))
        throw new Error(`${other.name} gives another vector of sentence ${index}: cosine ${cosine}`);
    }
  }
};

/** Lets all sides embed the same sentences in turn, at each number of callers. */
export const compareSides = async (options: CompareOptions): Promise<SideResult[]> => {
  const { sides: kinds, callers, rounds, maxRounds, setup, sentences } = options;
  await using started = new AsyncDisposableStack();
  const sides: Side[] = [];
  for (const kind of kinds) sides.push(started.use(await startSide({ kind, setup, sentences })));
  await checkAlike(sides);
  const results: SideResult[] = [];
  for (const count of callers) {
    const turns = sides.map(({ name, pids, run }) => ({ name, pids, work: () => run(count) }));
    const taken = await takeTurns(turns, { rounds, maxRounds, own: () => processTree(process.pid) });
    for (const [index, { name }] of sides.entries()) {
      const samples = (taken[index] ?? []).map(({ result, cpuNs, foreign }) => ({
        perSecond: result.perSecond,
        p50: result.p50,
        p99: result.p99,
        cpuMs: cpuNs / 1e6 / result.sentences,
        foreign,
      }));
      const used = quietest(taken[index] ?? []).map(({ result, cpuNs }) => ({
        ...result,
        cpuMs: cpuNs / 1e6 / result.sentences,
      }));
      const middle = (key: 'perSecond' | 'p50' | 'p99' | 'cpuMs'): number => median(used.map((sample) => sample[key]));
      results.push({
        name,
        callers: count,
        perSecond: middle('perSecond'),
        p50: middle('p50'),
        p99: middle('p99'),
        cpuMs: middle('cpuMs'),
        kept: (taken[index] ?? []).filter(isQuiet).length,
        taken: samples.length,
        samples,
      });
    }
  }
  return results;
};
