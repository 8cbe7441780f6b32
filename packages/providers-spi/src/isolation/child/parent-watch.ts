import { workerData } from 'node:worker_threads';

// A thread of the engine process: ends it when the parent is gone while the main thread is too busy to see the disconnect.

const CHECK_MS = 1_000;
const { parent } = workerData as { readonly parent: number };

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

setInterval(() => {
  if (process.ppid !== parent || !isAlive(parent)) process.kill(process.pid, 'SIGKILL');
}, CHECK_MS);
