import { machineCpu, processCpu } from './process-cpu.ts';
import { median } from './statistics.ts';

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

/** Samples during which other processes used more than this many cores are dropped. */
const FOREIGN_LIMIT = 0.15;

/**
 * Runs the sides in turn (A B A B …), `rounds` times after one warm-up each, and gives medians. `own` lists the processes of the measurement
 * (load generator, servers), so that the CPU of all others can be told. When every sample of a side was disturbed, all are kept and `kept` is 0.
 */
export const alternate = async (
  sides: readonly Side[],
  rounds: number,
  own: readonly number[],
): Promise<Comparison[]> => {
  const samples = sides.map(() => [] as { perSecond: number; cpuMicros: number; foreign: number }[]);
  for (let round = -1; round < rounds; round += 1) {
    for (const [index, side] of sides.entries()) {
      const ownCpu = (): bigint => own.reduce((sum, pid) => sum + processCpu(pid), 0n);
      const before = { wall: process.hrtime.bigint(), cpu: processCpu(side.pid), own: ownCpu(), machine: machineCpu() };
      const units = await side.work();
      const wall = Number(process.hrtime.bigint() - before.wall);
      const cpu = Number(processCpu(side.pid) - before.cpu);
      const foreign = (Number(machineCpu() - before.machine) - Number(ownCpu() - before.own)) / wall;
      if (round >= 0) samples[index]?.push({ perSecond: (units / wall) * 1e9, cpuMicros: cpu / units / 1e3, foreign });
    }
  }
  return sides.map(({ name }, index) => {
    const taken = samples[index] ?? [];
    const quiet = taken.filter(({ foreign }) => foreign <= FOREIGN_LIMIT);
    const used = quiet.length > 0 ? quiet : taken;
    return {
      name,
      perSecond: median(used.map(({ perSecond }) => perSecond)),
      cpuMicros: median(used.map(({ cpuMicros }) => cpuMicros)),
      kept: quiet.length,
      taken: taken.length,
    };
  });
};
