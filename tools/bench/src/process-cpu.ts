import { readFileSync, readdirSync } from 'node:fs';

/** CPU time that all threads of a process have used, nanoseconds, from the scheduler's own accounting (Linux). */
export const processCpu = (pid: number): bigint => {
  let total = 0n;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      // First field of schedstat: time spent on the CPU, in nanoseconds (kernel documentation, scheduler/sched-stats).
      total += BigInt(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0] ?? '0');
    } catch {
      // The thread ended between the listing and the reading; what it used is lost to us, and it is little.
    }
  }
  return total;
};

/** Parent of a process; undefined when it has ended. The name before it may hold anything, also brackets. */
const parentOf = (pid: number): number | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
};

/** The process and all that it started and that still run. */
export const processTree = (root: number): number[] => {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const parent = Number.isInteger(pid) ? parentOf(pid) : undefined;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
};

/** Resident memory of a process in bytes; 0 when it has ended. */
export const residentBytes = (pid: number): number => {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
};

/** CPU time of the whole machine that was not idle, nanoseconds (ticks of 10 ms from /proc/stat). */
export const machineCpu = (): bigint => {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (
    readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? ''
  )
    .trim()
    .split(/ +/)
    .slice(1)
    .map(Number);
  return BigInt(user + nice + system + irq + softirq + steal) * 10_000_000n;
};
