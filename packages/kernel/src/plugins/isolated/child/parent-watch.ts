import { workerData } from 'node:worker_threads';

// A thread of the plugin's process: ends it when the parent is gone while the plugin keeps the main thread too busy to see that.

const CHECK_MS = 1_000;
const { parent } = workerData as { readonly parent: number };

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, CHECK_MS);
