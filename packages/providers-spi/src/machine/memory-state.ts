import { readFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';

/** What the system tells of memory, bytes. */
export interface MemoryState {
  /** Free or reclaimable on the machine. */
  readonly machineFree: number;
  readonly machineTotal: number;
  /** Limit of this process's control group; the machine's size or more where there is none. */
  readonly groupLimit: number;
  /** What the group may still take, with its file cache counted as taken. */
  readonly groupFree: number;
  /** File cache of the group that nothing uses now: the kernel gives it back before it kills. */
  readonly groupFileCache: number;
}

/** Bytes that this process can still take: the machine's, or its control group's where that is less. */
export const availableBytes = (state: MemoryState): number => {
  const { machineFree, machineTotal, groupLimit, groupFree, groupFileCache } = state;
  if (groupLimit <= 0 || groupLimit >= machineTotal) return machineFree;
  return Math.min(machineFree, groupLimit, groupFree + groupFileCache);
};

export const readMemoryState = async (): Promise<MemoryState> => ({
  machineFree: freemem(),
  machineTotal: totalmem(),
  groupLimit: process.constrainedMemory(),
  groupFree: process.availableMemory(),
  groupFileCache: await inactiveFileCache(),
});

/** `inactive_file` of the control group, version 2 or 1; 0 where there is none. */
const inactiveFileCache = async (): Promise<number> => {
  const membership = await readText('/proc/self/cgroup');
  const unified = /^0::(.*)$/m.exec(membership)?.[1] ?? '/';
  const folders = [`/sys/fs/cgroup${unified}`, '/sys/fs/cgroup', '/sys/fs/cgroup/memory'];
  for (const folder of folders) {
    const found = /^(?:total_)?inactive_file (\d+)$/m.exec(await readText(`${folder}/memory.stat`));
    if (found) return Number(found[1]);
  }
  return 0;
};

const readText = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
