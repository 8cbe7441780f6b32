import { Worker } from 'node:worker_threads';
import type { Command, Report } from '../messages.ts';
import { EngineHost } from './engine-host.ts';

// Entry of an engine process. `isolatedProvider` forks it; what it runs comes in the first message.

type Send = (report: Report, callback?: () => void) => boolean;

const send = process.send?.bind(process) as Send | undefined;
if (!send) throw new Error('this file is an engine process: it is started by isolatedProvider, not by hand');

const host = new EngineHost((report) => send(report, report.type === 'disposed' ? () => process.exit(0) : undefined));

// Ctrl-C and a service manager's SIGTERM reach the whole process group: the parent decides, and may want to drain first.
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);
process.on('SIGTERM', () => {
  if (host.closing) process.exit(0);
});

// Without its parent an engine serves nobody. Not exit(): destructors of native libraries may wait for their threads.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('message', (command) => host.handle(command as Command));

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const watch = new Worker(new URL(`./parent-watch.${extension}`, import.meta.url), {
  workerData: { parent: process.ppid },
});
watch.on('error', (error) => {
  process.stderr.write(`the engine goes on without watching its parent from a thread: ${String(error)}\n`);
});
watch.unref();
