/** The faulty upstream as a program: a model for each fault. The port is its only argument, default 11600. */
import { FAULTS } from './faults.ts';
import { startFaultyUpstream } from './faulty-upstream.ts';

const upstream = await startFaultyUpstream({ models: FAULTS, port: Number(process.argv[2] ?? 11_600) });
console.log(`${upstream.url} answers, or fails, by the name of the model:\n  ${Object.keys(FAULTS).join('\n  ')}`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void upstream[Symbol.asyncDispose]());
