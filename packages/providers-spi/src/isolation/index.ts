export { DEFAULT_ISOLATION_LIMITS, type IsolationLimits } from './isolation-limits.ts';
export { isolatedProvider, type IsolatedProviderOptions } from './isolated-provider.ts';
