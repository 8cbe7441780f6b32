import type { Provider } from '@golek/providers-spi';
import type { OnnxProviderOptions } from './options.ts';
import { OnnxProvider } from './provider.ts';

export { createIsolatedOnnxProvider, type IsolatedOnnxProviderOptions } from './isolated.ts';
export type { ExecutionProvider, GraphOptimization, OnnxModelOptions, OnnxProviderOptions } from './options.ts';
export { reportRuntime, type RuntimeReport } from './runtime.ts';

/** Makes a provider that runs ONNX models with ONNX Runtime in this process, whose thread is busy while a graph runs. Throws `config_invalid` for wrong options. */
export const createOnnxProvider = (options: OnnxProviderOptions = {}): Provider => new OnnxProvider(options);
