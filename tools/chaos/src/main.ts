/**
 * `npm run chaos`: 32 streams while a plugin is replaced 50 times, the configuration changes 50 times, a route is re-pointed 50 times and an
 * engine is killed 20 times. `npm run chaos -- engine`: 2,000 clients that leave, 50 engines killed under load, 1,000 times loaded and unloaded with 10,000 answers.
 * `npm run chaos -- onnx`: an ONNX model 200 times loaded and unloaded with 2,000 answers.
 * `npm run chaos -- mutations`: 10,000 damaged models, LoRA adapters and saved states. `npm run chaos -- states`: every cut and every field of
 * a saved state. Each ends with 1 when anything went wrong that must not, or when memory grew.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runEngineSoak } from './engine-soak.ts';
import type { MemoryTrend } from './memory-trend.ts';
import { golekTiny } from '@golek/model-tiny';
import { runMutations } from './mutations/run-mutations.ts';
import { runStates } from './mutations/run-states.ts';
import { runOnnxSoak } from './onnx-soak.ts';
import { runChaos } from './run-chaos.ts';

const USAGE = `npm run chaos -- [SCENARIO] [OPTIONS]

Scenarios and their options, with defaults:
  server     --streams 32 --changes 50 --kills 20
  engine     --aborts 2000 --kills 50 --cycles 1000 --requests 10 (answers in a cycle)
  onnx       --cycles 200 --requests 10 (answers in a cycle)
  mutations  --count 10000 --parallel 2
  states     --model FILE (golek-tiny) --truncations 500 --fields 10000`;

/** The process ends here with what is wrong with the arguments. */
const refuse = (problem: string): never => {
  console.error(`${problem}\n\n${USAGE}`);
  process.exit(2);
};

const parse = <T>(read: () => T): T => {
  try {
    return read();
  } catch (error) {
    return refuse((error as Error).message);
  }
};

const config = {
  allowPositionals: true,
  options: {
    help: { type: 'boolean', default: false },
    streams: { type: 'string', default: '32' },
    changes: { type: 'string', default: '50' },
    kills: { type: 'string' },
    aborts: { type: 'string', default: '2000' },
    cycles: { type: 'string' },
    requests: { type: 'string', default: '10' },
    count: { type: 'string', default: '10000' },
    parallel: { type: 'string', default: '2' },
    model: { type: 'string', default: golekTiny.path },
    truncations: { type: 'string', default: '500' },
    fields: { type: 'string', default: '10000' },
  },
} as const;
const { values, positionals } = parse(() => parseArgs(config));
for (const [name, value] of Object.entries(values)) {
  if (typeof value === 'string' && name !== 'model' && !/^\d+$/.test(value))
    refuse(`--${name} is '${value}', not a whole number`);
}
const bin = path.resolve(import.meta.dirname, '../../../apps/platform-runtime/bin/golek.js');
const log = (line: string): void => console.log(line);

const hasGrown = (what: string, { early, late }: MemoryTrend, factor: number): boolean => {
  if (late <= early * factor) return false;
  console.error(`memory of the ${what} grew from ${early.toFixed(0)} to ${late.toFixed(0)} MiB`);
  return true;
};

const scenarios: Readonly<Record<string, () => Promise<boolean>>> = {
  server: async () => {
    const changes = Number(values.changes);
    const report = await runChaos({
      bin,
      streams: Number(values.streams),
      plugins: changes,
      configurations: changes,
      routes: changes,
      kills: Number(values.kills ?? 20),
      log,
    });
    console.log(JSON.stringify(report, undefined, 2));
    return report.wrong.length === 0 && !hasGrown('server', report.memory, 1.2);
  },
  engine: async () => {
    const report = await runEngineSoak({
      bin,
      aborts: Number(values.aborts),
      kills: Number(values.kills ?? 50),
      cycles: Number(values.cycles ?? 1000),
      requestsPerCycle: Number(values.requests),
      memory: true,
      log,
    });
    console.log(JSON.stringify(report, undefined, 2));
    const { engine, server } = report.memory;
    return report.wrong.length === 0 && !hasGrown('engine', engine, 1.05) && !hasGrown('server', server, 1.05);
  },
  onnx: async () => {
    const report = await runOnnxSoak({
      bin,
      cycles: Number(values.cycles ?? 200),
      requestsPerCycle: Number(values.requests),
      log,
    });
    console.log(JSON.stringify(report, undefined, 2));
    const { engine, server } = report.memory;
    return report.wrong.length === 0 && !hasGrown('engine', engine, 1.05) && !hasGrown('server', server, 1.05);
  },
  mutations: async () => {
    const report = await runMutations({ count: Number(values.count), parallel: Number(values.parallel), log });
    console.log(JSON.stringify(report, undefined, 2));
    return report.wrong.length === 0 && !hasGrown('supervisor', report.memory, 1.2);
  },
  states: async () => {
    const report = await runStates({
      model: path.resolve(values.model),
      truncations: Number(values.truncations),
      fields: Number(values.fields),
      log,
    });
    console.log(JSON.stringify(report, undefined, 2));
    return report.wrong.length === 0;
  },
};

const [name = 'server'] = positionals;
if (values.help) console.log(USAGE);
else {
  const scenario = scenarios[name] ?? refuse(`no scenario is named '${name}'`);
  process.exitCode = (await scenario()) ? 0 : 1;
}
