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
