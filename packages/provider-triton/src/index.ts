import type { Provider } from '@golek/providers-spi';
import { Channels } from './grpc/channels.ts';
import { GrpcAdmin } from './grpc/grpc-admin.ts';
import { failuresOf, GrpcProvider } from './grpc/grpc-provider.ts';
import { HttpAdmin } from './http/http-admin.ts';
import { HttpProvider } from './http/http-provider.ts';
import { resolveTriton, type TritonProviderOptions } from './options.ts';
import type { TritonAdmin } from './server-admin.ts';

export { TRITON_TASKS, type TritonModelOptions, type TritonProviderOptions, type TritonTask } from './options.ts';
export type { ModelStatisticsEntry, RepositoryModel, ServerDescription, TritonAdmin } from './server-admin.ts';

/**
 * Makes a provider for the models of one server that speaks the KServe v2 protocol, such as Triton Inference Server. Throws `config_invalid` for wrong options.
 *
 * @example createTritonProvider({ baseUrl: 'http://127.0.0.1:8001' })
 */
export const createTritonProvider = (options: TritonProviderOptions): Provider => {
  const resolved = resolveTriton(options);
  return resolved.protocol === 'grpc' ? new GrpcProvider(resolved) : new HttpProvider(resolved);
};

/**
 * Asks such a server about itself: what it is, which models it has, what it counted; loads and unloads models. Throws `config_invalid` for wrong options.
 *
 * @example const [first] = await createTritonAdmin({ baseUrl: 'http://127.0.0.1:8001' }).index(AbortSignal.timeout(5_000));
 */
export const createTritonAdmin = (options: TritonProviderOptions): TritonAdmin => {
  const resolved = resolveTriton(options);
  return resolved.protocol === 'grpc'
    ? new GrpcAdmin(new Channels({ ...resolved, channels: 1 }), failuresOf(resolved))
    : new HttpAdmin(resolved);
};
