/**
 * `npm run chaos`: 32 streams while a plugin is replaced 50 times, the configuration changes 50 times, a route is re-pointed 50 times and an
 * engine is killed 20 times. Ends with 1 when anything failed that policy should have saved, or when the server's memory grew by more than a fifth.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runChaos } from './run-chaos.ts';

const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '32' },
    changes: { type: 'string', default: '50' },
    kills: { type: 'string', default: '20' },
  },
});
const changes = Number(values.changes);
const report = await runChaos({
  bin: path.resolve(import.meta.dirname, '../../../apps/platform-runtime/bin/golek.js'),
  streams: Number(values.streams),
  plugins: changes,
  configurations: changes,
  routes: changes,
  kills: Number(values.kills),
  log: (line) => console.log(line),
});
console.log(JSON.stringify(report, undefined, 2));
const grown = report.memory.late > report.memory.early * 1.2;
if (grown) console.error(`memory grew from ${report.memory.early.toFixed(0)} to ${report.memory.late.toFixed(0)} MiB`);
process.exitCode = report.wrong.length > 0 || grown ? 1 : 0;
