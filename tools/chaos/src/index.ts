export { runChaos, type ChaosOptions, type ChaosReport } from './run-chaos.ts';
export { mutateGguf, originalOf, type Original } from './mutations/mutate-gguf.ts';
export { randomOf, type Random } from './random.ts';
export { runMutations, type MutationOptions, type MutationReport } from './mutations/run-mutations.ts';
export { runEngineSoak, type EngineSoakOptions, type EngineSoakReport } from './engine-soak.ts';
export { runOnnxSoak, type OnnxSoakOptions, type OnnxSoakReport } from './onnx-soak.ts';
export type { MemoryTrend } from './memory-trend.ts';
export { runStates, type StatesOptions, type StatesReport } from './mutations/run-states.ts';
