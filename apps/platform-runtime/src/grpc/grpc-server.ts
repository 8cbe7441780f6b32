import { GolekError } from '@golek/api';
import {
  modelConfigMessage,
  modelMetadataResponse,
  modelStatistics,
  repositoryIndexResponse,
  serverMetadata,
} from '@golek/protocols/kserve';
import {
  FILE_DESCRIPTOR,
  GRPCInferenceServiceDefinition as SERVICE,
  type MessageFns,
  type ModelInferRequest,
  type ModelRepositoryParameter,
  type ModelStreamInferResponse,
} from '@golek/protocols/kserve/wire';
import {
  Server,
  ServerCredentials,
  type handleUnaryCall,
  type ServerDuplexStream,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation, service as HEALTH_SERVICE } from 'grpc-health-check';
import type { KserveService } from '../http/kserve/kserve-service.ts';
import type { RouteScope } from '../http/route.ts';
import type { TlsServerOptions } from '../http/server-tls.ts';
import type { CallMetrics } from './call-metrics.ts';
import { GrpcCall, type GrpcCallDeps } from './grpc-call.ts';
import { inferOnce, inferStream } from './infer-stream.ts';
import { LiveCredentials } from './server-credentials.ts';
import { INFERENCE_SERVICE } from './service-definition.ts';

export interface GrpcServerDeps extends GrpcCallDeps {
  readonly kserve: KserveService;
  readonly metrics: Pick<CallMetrics, 'watch'>;
  readonly config: {
    readonly host: string;
    /** 0 takes a free one. */
    readonly port: number;
    readonly maxMessageBytes: number;
    readonly maxStreams: number;
    /** A client that reads nothing of a stream for so long loses it, milliseconds. */
    readonly writeTimeoutMs: () => number;
    /** Absent: no TLS. */
    readonly tls?: TlsServerOptions | undefined;
  };
}

/** A server of the KServe v2 protocol over gRPC. */
export interface GrpcServer {
  /** Where it listens; 0 before `listen`. */
  readonly port: number;
  /** Throws `config_invalid` when the address cannot be used. */
  listen(): Promise<void>;
  /** Shows this certificate to new connections. Of a server without TLS it changes nothing. */
  renew(tls: TlsServerOptions): void;
  /** Tells everybody who asks for its health that no more calls are wanted. Those that come are refused by whatever they are for. */
  drain(): void;
  /** Takes no new calls and waits for the open ones; when the signal is aborted, they are cut off. Idempotent. */
  close(signal: AbortSignal): Promise<void>;
}

type Methods = typeof SERVICE.methods;
type MessageOf<T> = T extends MessageFns<infer M> ? M : never;
type Unary = { [M in keyof Methods]: Methods[M]['responseStream'] extends true ? never : M }[keyof Methods];
/** What answers each method that has one answer. */
type Answers = {
  readonly [M in Unary]: readonly [
    scope: RouteScope,
    answer: (
      call: GrpcCall,
      request: MessageOf<Methods[M]['requestType']>,
    ) => MessageOf<Methods[M]['responseType']> | Promise<MessageOf<Methods[M]['responseType']>>,
  ];
};

const nameOf = (key: keyof Methods): string => `${SERVICE.fullName}/${SERVICE.methods[key].name}`;

/** A parameter that would change what is loaded is not taken for granted. */
const refuseParameters = (
  parameters: ReadonlyMap<string, ModelRepositoryParameter>,
  known: readonly string[],
): void => {
  const other = [...parameters.keys()].find((name) => !known.includes(name));
  if (other !== undefined)
    throw new GolekError(
      'unsupported',
      `the parameter '${other.slice(0, 256)}' is not supported: what a model is stands in the configuration of Golek`,
    );
};

const answersOf = (kserve: KserveService): Answers => ({
  serverLive: ['public', () => ({ live: true })],
  serverReady: ['public', () => ({ ready: kserve.ready })],
  serverMetadata: ['public', () => serverMetadata(kserve.version)],
  modelReady: [
    'inference',
    ({ principal }, { name, version }) => ({ ready: kserve.modelReady(name, version, principal) }),
  ],
  modelMetadata: [
    'inference',
    ({ principal }, { name, version }) => modelMetadataResponse(kserve.model(name, version, principal)),
  ],
  modelConfig: [
    'inference',
    ({ principal }, { name, version }) => ({ config: modelConfigMessage(kserve.model(name, version, principal)) }),
  ],
  modelStatistics: [
    'inference',
    ({ principal }, { name, version }) => ({ modelStats: modelStatistics(kserve.counts(name, version, principal)) }),
  ],
  modelInfer: ['inference', (call, request) => inferOnce(call, kserve, request)],
  repositoryIndex: ['inference', ({ principal }, { ready }) => repositoryIndexResponse(kserve.index(principal), ready)],
  repositoryModelLoad: [
    'admin',
    async ({ principal, signal }, { modelName, parameters }) => {
      refuseParameters(parameters, []);
      await kserve.load(modelName, principal, signal);
      return {};
    },
  ],
  repositoryModelUnload: [
    'admin',
    async ({ principal, signal }, { modelName, parameters }) => {
      refuseParameters(parameters, ['unload_dependents']);
      await kserve.unload(modelName, principal, signal);
      return {};
    },
  ],
});

/** Paths of all that is served; reflection has no definition to read them from. */
const PATHS: readonly string[] = [
  ...[INFERENCE_SERVICE, HEALTH_SERVICE as ServiceDefinition].flatMap((service) =>
    Object.values(service).map(({ path }) => path),
  ),
  ...['v1', 'v1alpha'].map((version) => `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`),
];

const KEEP_ALIVE_MS = 60_000;
const KEEP_ALIVE_TIMEOUT_MS = 20_000;

export const createGrpcServer = (deps: GrpcServerDeps): GrpcServer => {
  const { kserve, config } = deps;
  const server = new Server({
    'grpc.max_receive_message_length': config.maxMessageBytes,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': config.maxStreams,
    // A client that is gone without a word is noticed, and its runs end.
    'grpc.keepalive_time_ms': KEEP_ALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEP_ALIVE_TIMEOUT_MS,
  });

  const unary =
    (
      key: Unary,
      [scope, answer]: readonly [RouteScope, (call: GrpcCall, request: never) => unknown],
    ): handleUnaryCall<unknown, unknown> =>
    (library, done) => {
      const call = new GrpcCall(library, { name: nameOf(key), scope }, deps);
      const work = async (): Promise<unknown> => {
        await call.admit();
        return answer(call, library.request as never);
      };
      work().then(
        (response) => {
          call.ended();
          done(null, response);
        },
        (thrown: unknown) => {
          const failure = call.failure(thrown);
          call.ended(failure);
          done(failure);
        },
      );
    };

  const stream = (duplex: ServerDuplexStream<ModelInferRequest, ModelStreamInferResponse>): void => {
    const call = new GrpcCall(duplex, { name: nameOf('modelStreamInfer'), scope: 'inference' }, deps);
    duplex.once('finish', () => call.ended());
    call.admit().then(
      () => inferStream(call, { kserve, writeTimeoutMs: config.writeTimeoutMs() }, duplex),
      (thrown: unknown) => {
        const failure = call.failure(thrown);
        call.ended(failure);
        duplex.emit('error', failure);
      },
    );
  };

  server.addService(INFERENCE_SERVICE, {
    ...Object.fromEntries(Object.entries(answersOf(kserve)).map(([key, method]) => [key, unary(key as Unary, method)])),
    modelStreamInfer: stream,
  });
  const health = new HealthImplementation({ '': 'SERVING', [SERVICE.fullName]: 'SERVING' });
  health.addToServer(server);
  const file = { fileDescriptorProtos: [Buffer.from(FILE_DESCRIPTOR, 'base64')], format: '', type: {} };
  new ReflectionService({ [SERVICE.fullName]: file as never }).addToServer(server);

  const secure = config.tls && new LiveCredentials(config.tls);
  let port = 0;
  let measured: Disposable | undefined;
  let closing: Promise<void> | undefined;
  const drain = (): void => {
    for (const name of ['', SERVICE.fullName]) health.setStatus(name, 'NOT_SERVING');
  };
  const close = async (signal: AbortSignal): Promise<void> => {
    drain();
    const cut = (): void => server.forceShutdown();
    signal.addEventListener('abort', cut, { once: true });
    await new Promise<void>((resolve) => {
      server.tryShutdown(() => resolve());
      if (signal.aborted) cut();
    });
    signal.removeEventListener('abort', cut);
    measured?.[Symbol.dispose]();
  };

  return {
    get port() {
      return port;
    },
    listen: async () => {
      const { host } = config;
      const address = host.includes(':') ? `[${host}]` : host;
      port = await new Promise<number>((resolve, reject) => {
        server.bindAsync(`${address}:${config.port}`, secure ?? ServerCredentials.createInsecure(), (error, bound) => {
          if (!error) return resolve(bound);
          reject(
            new GolekError(
              'config_invalid',
              `cannot listen for gRPC on ${host}, port ${config.port}: ${error.message}; choose another grpc.port`,
              {
                cause: error,
              },
            ),
          );
        });
      });
      measured = deps.metrics.watch(port, PATHS);
    },
    renew: (tls) => secure?.replace(tls),
    drain,
    close: (signal) => (closing ??= close(signal)),
  };
};
