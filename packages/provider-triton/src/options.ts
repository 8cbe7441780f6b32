import { checkOptions, invalidOption, type ModelSource, type OptionRule, type Task } from '@golek/providers-spi';
import {
  booleanRule,
  integerRule,
  listRule,
  resolveUpstream,
  type ResolvedUpstream,
  type UpstreamKind,
  type UpstreamOptions,
} from '@golek/providers-spi/remote';

/** Settings of a server. */
export interface TritonProviderOptions extends UpstreamOptions {
  /** `https` is TLS in both protocols. Triton listens on 8001 for gRPC and on 8000 for HTTP. */
  readonly baseUrl: string;
  /** What is spoken. Default `grpc`. */
  readonly protocol?: 'grpc' | 'http';
  /** HTTP/2 connections of gRPC, among which calls are shared. Default 2. */
  readonly channels?: number;
  /** gRPC: a connection in use is pinged so often, milliseconds. Default 0, never: most servers take frequent pings for an attack unless they are told. */
  readonly keepAliveMs?: number;
}

/** Settings of one model (`ModelSource.options`). */
export interface TritonModelOptions {
  /** What it does. Default: what its metadata say, for which the server is asked when the model is registered. */
  readonly tasks?: readonly TritonTask[];
  /** Version at the server. Default: the server's choice. */
  readonly version?: string;
  /** Tokens that prompt and answer may hold together; the server does not tell it. */
  readonly contextLength?: number;
  /** True: the server loads the model when it is opened here, and unloads it when it is closed (model repository extension). Default false. */
  readonly load?: boolean;
}

export const TRITON_TASKS = ['generate', 'embed', 'tensor'] as const satisfies readonly Task[];
export type TritonTask = (typeof TRITON_TASKS)[number];

export interface ResolvedTriton
  extends ResolvedUpstream, Required<Pick<TritonProviderOptions, 'protocol' | 'channels' | 'keepAliveMs'>> {}

const text = (wanted: string): OptionRule => ({ allows: (value) => typeof value === 'string' && value !== '', wanted });

const KIND: UpstreamKind = {
  name: 'Triton',
  id: 'triton',
  example: 'http://127.0.0.1:8001',
  rules: {
    protocol: { allows: (value) => value === 'grpc' || value === 'http', wanted: 'grpc or http' },
    channels: integerRule(1, 64),
    keepAliveMs: integerRule(0, 3_600_000),
  },
};

/** Throws `config_invalid` naming the key and its allowed values, for an unknown key the nearest known one. */
export const resolveTriton = (options: TritonProviderOptions): ResolvedTriton => {
  const { protocol = 'grpc', channels = 2, keepAliveMs = 0 } = options;
  const resolved = resolveUpstream(options, KIND);
  if (protocol === 'grpc' && resolved.apiKeys.length > 1)
    throw invalidOption(
      `options of the Triton provider '${resolved.id}'`,
      'apiKeys',
      "several 'apiKeys' are for the protocol http; give one 'apiKey' over grpc",
    );
  return { ...resolved, protocol, channels, keepAliveMs };
};

const MODEL_RULES: Readonly<Record<keyof TritonModelOptions, OptionRule>> = {
  tasks: listRule(TRITON_TASKS),
  version: text('a version such as 1, as text'),
  contextLength: integerRule(1, 100_000_000),
  load: booleanRule,
};

/** Throws `config_invalid`, as `resolveTriton` does. */
export const modelOptionsOf = ({ name, options = {} }: ModelSource): TritonModelOptions => {
  checkOptions(options, MODEL_RULES, `options of the model '${name}'`);
  return options;
};
