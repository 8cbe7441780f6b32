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
import { Server, ServerCredentials, type handleUnaryCall, type ServerDuplexStream } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import type { KserveService } from '../http/kserve/kserve-service.ts';
import type { RouteScope } from '../http/route.ts';
import { GrpcCall, type GrpcCallDeps } from './grpc-call.ts';
import { inferOnce, inferStream } from './infer-stream.ts';
import { INFERENCE_SERVICE } from './service-definition.ts';

export interface GrpcServerDeps extends GrpcCallDeps {
  readonly kserve: KserveService;
  readonly config: {
    readonly host: string;
    /** 0 takes a free one. */
    readonly port: number;
    readonly maxMessageBytes: number;
    readonly maxStreams: number;
  };
}

/** A server of the KServe v2 protocol over gRPC. */
export interface GrpcServer {
  /** Where it listens; 0 before `listen`. */
  readonly port: number;
  /** Throws `config_invalid` when the address cannot be used. */
  listen(): Promise<void>;
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

export const createGrpcServer = (deps: GrpcServerDeps): GrpcServer => {
  const { kserve, config } = deps;
  const server = new Server({
    'grpc.max_receive_message_length': config.maxMessageBytes,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': config.maxStreams,
  });

  const unary =
    ([scope, answer]: readonly [RouteScope, (call: GrpcCall, request: never) => unknown]): handleUnaryCall<
      unknown,
      unknown
    > =>
    (library, done) => {
      const call = new GrpcCall(library, deps);
      const work = async (): Promise<unknown> => {
        await call.admit(scope);
        return answer(call, library.request as never);
      };
      work().then(
        (response) => done(null, response),
        (thrown: unknown) => done(call.failure(thrown)),
      );
    };

  const stream = (duplex: ServerDuplexStream<ModelInferRequest, ModelStreamInferResponse>): void => {
    const call = new GrpcCall(duplex, deps);
    call.admit('inference').then(
      () => inferStream(call, kserve, duplex),
      (thrown: unknown) => duplex.emit('error', call.failure(thrown)),
    );
  };

  server.addService(INFERENCE_SERVICE, {
    ...Object.fromEntries(Object.entries(answersOf(kserve)).map(([name, method]) => [name, unary(method)])),
    modelStreamInfer: stream,
  });
  const health = new HealthImplementation({ '': 'SERVING', [SERVICE.fullName]: 'SERVING' });
  health.addToServer(server);
  const file = { fileDescriptorProtos: [Buffer.from(FILE_DESCRIPTOR, 'base64')], format: '', type: {} };
  new ReflectionService({ [SERVICE.fullName]: file as never }).addToServer(server);

  let port = 0;
  let closing: Promise<void> | undefined;
  const close = async (signal: AbortSignal): Promise<void> => {
    health.setStatus('', 'NOT_SERVING');
    health.setStatus(SERVICE.fullName, 'NOT_SERVING');
    const cut = (): void => server.forceShutdown();
    signal.addEventListener('abort', cut, { once: true });
    await new Promise<void>((resolve) => {
      server.tryShutdown(() => resolve());
      if (signal.aborted) cut();
    });
    signal.removeEventListener('abort', cut);
  };

  return {
    get port() {
      return port;
    },
    listen: async () => {
      const { host } = config;
      const address = host.includes(':') ? `[${host}]` : host;
      port = await new Promise<number>((resolve, reject) => {
        server.bindAsync(`${address}:${config.port}`, ServerCredentials.createInsecure(), (error, bound) => {
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
    },
    close: (signal) => (closing ??= close(signal)),
  };
};
