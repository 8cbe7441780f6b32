export { runChaos, type ChaosOptions, type ChaosReport } from './run-chaos.ts';
export { mutateGguf, originalOf, type Original } from './mutations/mutate-gguf.ts';
export { randomOf, type Random } from './random.ts';
export { runMutations, type MutationOptions, type MutationReport } from './mutations/run-mutations.ts';
export { runEngineSoak, type EngineSoakOptions, type EngineSoakReport, type MemoryTrend } from './engine-soak.ts';
