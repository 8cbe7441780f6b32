export { DEFAULT_ISOLATION_LIMITS, type IsolationLimits } from './isolation-limits.ts';
export { isolatedProvider, type IsolatedProviderOptions } from './isolated-provider.ts';
// What other supervised processes, such as those of plugins, have in common with engines.
export { describeExit, exitDetails, type EngineExit } from './engine-exit.ts';
export { EngineOutput } from './engine-output.ts';
export { restartDelay } from './restart-delay.ts';
