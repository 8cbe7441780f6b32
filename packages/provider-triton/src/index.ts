import type { Provider } from '@golek/providers-spi';
import { GrpcProvider } from './grpc/grpc-provider.ts';
import { httpProvider } from './http/http-provider.ts';
import { resolveTriton, type TritonProviderOptions } from './options.ts';

export { TRITON_TASKS, type TritonModelOptions, type TritonProviderOptions, type TritonTask } from './options.ts';

/**
 * Makes a provider for the models of one server that speaks the KServe v2 protocol, such as Triton Inference Server. Throws `config_invalid` for wrong options.
 *
 * @example createTritonProvider({ baseUrl: 'http://127.0.0.1:8001' })
 */
export const createTritonProvider = (options: TritonProviderOptions): Provider => {
  const resolved = resolveTriton(options);
  return resolved.protocol === 'grpc' ? new GrpcProvider(resolved) : httpProvider(resolved);
};
