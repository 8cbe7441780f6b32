import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** What the system tells of the processors that this process may use. */
export interface CpuFacts {
  /** Logical processors: what the affinity mask leaves. */
  readonly logical: number;
  /** Physical cores among them; undefined where the system does not tell. */
  readonly physical: number | undefined;
  /** Processors' worth of time that control groups grant; undefined without a limit. */
  readonly quota: number | undefined;
}

/** How many threads evaluate a model by default, and why so many. */
export interface ThreadChoice extends CpuFacts {
  readonly threads: number;
  /** More threads than this cannot run at the same time. */
  readonly most: number;
  /** For people: `4 physical cores of 8 processors, less one`. */
  readonly why: string;
}

/** The content of a file; undefined where there is none. */
export type FileReader = (file: string) => string | undefined;

const readText: FileReader = (file) => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
};

/** Two threads of one core share its arithmetic units, and a spinning barrier needs every thread to run: one thread for each core, less one for everything else. */
export const threadsFor = (facts: CpuFacts): ThreadChoice => {
  const { logical, physical, quota } = facts;
  const cores = Math.min(physical ?? logical, logical);
  const granted = quota === undefined ? logical : Math.max(1, Math.floor(quota));
  const usable = Math.min(cores, granted);
  const counted =
    physical === undefined
      ? plural(logical, 'processor')
      : physical < logical
        ? `${plural(physical, 'physical core')} of ${plural(logical, 'processor')}`
        : plural(physical, 'core');
  const limited = quota !== undefined && granted < cores ? `, ${quota} granted by the control group` : '';
  const less = usable > 1 ? ', less one' : '';
  const threads = Math.max(1, usable - 1);
  return { ...facts, threads, most: Math.min(logical, granted), why: counted + limited + less };
};

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** Reads the facts of this machine; the arguments are for tests. */
export const readCpuFacts = (read: FileReader = readText, parallelism: number = availableParallelism()): CpuFacts => {
  const mask = /^Cpus_allowed_list:\s*(\S+)/m.exec(read('/proc/self/status') ?? '')?.[1];
  const allowed = mask === undefined ? undefined : cpuList(mask);
  return {
    logical: allowed?.length ?? parallelism,
    physical: allowed && (coresOfTopology(allowed, read) ?? coresOfCpuInfo(allowed, read)),
    quota: cpuQuota(read),
  };
};

/** The default number of threads here. Read anew each time: quota and mask may change while a server runs. */
export const chooseThreads = (): ThreadChoice => threadsFor(readCpuFacts());

/** `0-3,8` → 0, 1, 2, 3, 8. */
const cpuList = (text: string): number[] =>
  text
    .trim()
    .split(',')
    .flatMap((part) => {
      const [first = NaN, last = first] = part.split('-').map(Number);
      return Array.from({ length: Math.max(0, last - first + 1) || 0 }, (_, i) => first + i);
    });

/** Logical processors that list the same siblings are one core. */
const coresOfTopology = (allowed: readonly number[], read: FileReader): number | undefined => {
  const cores = new Set<string>();
  for (const cpu of allowed) {
    const siblings = read(`/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`);
    if (siblings === undefined) return undefined;
    cores.add(siblings.trim());
  }
  return cores.size || undefined;
};

/** Containers may hide /sys; x86 tells package and core of each processor here too. */
const coresOfCpuInfo = (allowed: readonly number[], read: FileReader): number | undefined => {
  const cores = new Set<string>();
  for (const block of (read('/proc/cpuinfo') ?? '').split(/\n\s*\n/)) {
    const field = (name: string): string | undefined => new RegExp(`^${name}\\s*:\\s*(\\d+)`, 'm').exec(block)?.[1];
    const core = field('core id');
    if (core !== undefined && allowed.includes(Number(field('processor'))))
      cores.add(`${field('physical id') ?? 0}/${core}`);
  }
  return cores.size || undefined;
};

/** The tightest limit of this process's control groups, version 2 or 1, from its own group up to the root. */
const cpuQuota = (read: FileReader): number | undefined => {
  const membership = read('/proc/self/cgroup') ?? '';
  const unified = /^0::(\S*)$/m.exec(membership)?.[1] ?? '/';
  const legacy = /^\d+:(?:\w+,)*cpu(?:,\w+)*:(\S*)$/m.exec(membership)?.[1] ?? '/';
  const quotas = [
    ...upwards(unified).map((group) => ratio(read(`/sys/fs/cgroup${group}/cpu.max`))),
    ...['cpu', 'cpu,cpuacct'].flatMap((controller) =>
      upwards(legacy).map((group) => {
        const folder = `/sys/fs/cgroup/${controller}${group}`;
        return ratio(`${read(`${folder}/cpu.cfs_quota_us`) ?? ''} ${read(`${folder}/cpu.cfs_period_us`) ?? ''}`);
      }),
    ),
  ].filter((quota) => quota !== undefined);
  return quotas.length === 0 ? undefined : Math.min(...quotas);
};

/** `/a/b` → `/a/b`, `/a`, and the root as an empty text. */
const upwards = (group: string): string[] => {
  const parts = group.split('/').filter((part) => part !== '');
  return Array.from({ length: parts.length + 1 }, (_, i) =>
    parts
      .slice(0, parts.length - i)
      .map((part) => `/${part}`)
      .join(''),
  );
};

/** `150000 100000` → 1.5; undefined for `max`, -1 and nothing. */
const ratio = (text = ''): number | undefined => {
  const [, quota, period] = /^\s*(\d+)\s+(\d+)/.exec(text) ?? [];
  const value = Number(quota) / Number(period);
  return value > 0 && Number.isFinite(value) ? value : undefined;
};
