import { median } from './statistics.ts';
import { isQuiet, quietest, takeTurns } from './take-turns.ts';

/** One side of a comparison: runs a fixed amount of work and says how much it did. */
export interface Side {
  readonly name: string;
  /** Process whose CPU is measured. */
  readonly pid: number;
  /** @returns units of work done (requests, tokens). */
  readonly work: () => Promise<number>;
}

export interface Comparison {
  readonly name: string;
  /** Units of work a second of wall time, median of the samples kept. */
  readonly perSecond: number;
  /** Microseconds of CPU for each unit, median of the samples kept. */
  readonly cpuMicros: number;
  readonly kept: number;
  readonly taken: number;
}

/**
 * Runs the sides in turn (A B A B …), `rounds` times after one warm-up each, and gives medians. `own` lists the processes of the measurement
 * (load generator, servers), so that the CPU of all others can be told. When every sample of a side was disturbed, all are kept and `kept` is 0.
 */
export const alternate = async (
  sides: readonly Side[],
  rounds: number,
  own: readonly number[],
): Promise<Comparison[]> => {
  const turns = sides.map(({ name, pid, work }) => ({ name, work, pids: () => [pid] }));
  const samples = await takeTurns(turns, { rounds, own: () => own });
  return sides.map(({ name }, index) => {
    const taken = samples[index] ?? [];
    const used = quietest(taken);
    return {
      name,
      perSecond: median(used.map(({ result, wallNs }) => (result / wallNs) * 1e9)),
      cpuMicros: median(used.map(({ result, cpuNs }) => cpuNs / result / 1e3)),
      kept: taken.filter(isQuiet).length,
      taken: taken.length,
    };
  });
};
