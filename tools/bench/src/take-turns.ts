import { setTimeout as sleep } from 'node:timers/promises';
import { machineCpu, processCpu } from './process-cpu.ts';

/** Samples during which other processes used more than this many cores are noise. */
export const FOREIGN_LIMIT = 0.15;

/**
 * Pause before each turn, milliseconds: what the side before still does when its work is done must not slow this one down. The threads of llama.cpp look for work for more than a
 * tenth of a second before they sleep, on a core of their own each.
 */
const SETTLE_MS = 500;

export interface Turn<T> {
  readonly name: string;
  /** Processes whose CPU is the side's. */
  readonly pids: () => readonly number[];
  readonly work: () => Promise<T>;
}

export interface Sample<T> {
  readonly result: T;
  readonly wallNs: number;
  /** CPU of the side's processes. */
  readonly cpuNs: number;
  /** Cores that processes outside of the measurement used meanwhile. */
  readonly foreign: number;
}

export const isQuiet = ({ foreign }: Sample<unknown>): boolean => foreign <= FOREIGN_LIMIT;

/** The samples that nothing disturbed; all of them when everything was disturbed. */
export const quietest = <T>(samples: readonly Sample<T>[]): readonly Sample<T>[] => {
  const quiet = samples.filter(isQuiet);
  return quiet.length > 0 ? quiet : samples;
};

const cpuOf = (pids: readonly number[]): bigint => {
  let total = 0n;
  for (const pid of pids) {
    try {
      total += processCpu(pid);
    } catch {
      // A process that ended between the listing and the reading.
    }
  }
  return total;
};

export interface TurnOptions {
  /** Rounds wanted of every side. */
  readonly rounds: number;
  /** Most rounds taken where some were disturbed; default `rounds`. */
  readonly maxRounds?: number;
  /** Rounds before them that do not count; default 1. */
  readonly warmup?: number;
  /** All processes of the measurement (load generator, servers), so that the CPU of all others can be told. */
  readonly own: () => readonly number[];
  readonly signal?: AbortSignal;
}

/**
 * Lets the sides work in turn (A B A B …), after their warm-up, until each has `rounds` quiet samples or `maxRounds` are taken.
 * @returns the samples of each side, in the order of the rounds.
 */
export const takeTurns = async <T>(
  sides: readonly Turn<T>[],
  { rounds, maxRounds = rounds, warmup = 1, own, signal }: TurnOptions,
): Promise<Sample<T>[][]> => {
  const samples = sides.map((): Sample<T>[] => []);
  const isEnough = (): boolean => samples.every((taken) => taken.filter(isQuiet).length >= rounds);
  for (let round = -warmup; round < maxRounds && !(round >= rounds && isEnough()); round += 1) {
    for (const [index, side] of sides.entries()) {
      await sleep(SETTLE_MS, undefined, { signal }).catch(() => undefined);
      signal?.throwIfAborted();
      const pids = side.pids();
      const ownPids = own();
      const before = { cpu: cpuOf(pids), own: cpuOf(ownPids), machine: machineCpu(), wall: process.hrtime.bigint() };
      const result = await side.work();
      const wallNs = Number(process.hrtime.bigint() - before.wall);
      const cpuNs = Number(cpuOf(pids) - before.cpu);
      const foreign = (Number(machineCpu() - before.machine) - Number(cpuOf(ownPids) - before.own)) / wallNs;
      if (round >= 0) samples[index]?.push({ result, wallNs, cpuNs, foreign });
    }
  }
  return samples;
};
