import { once } from 'node:events';
import {
  Metadata,
  Server,
  ServerCredentials,
  status,
  type handleUnaryCall,
  type MethodDefinition,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerUnaryCall,
} from '@grpc/grpc-js';
import type { NamedTensor } from '@golek/api';
import { modelInferResponse, readModelInfer, type InferMessage } from '@golek/protocols/kserve';
import {
  DataType,
  GRPCInferenceServiceDefinition as SERVICE,
  type MessageFns,
  type ModelInferRequest,
  type ModelStreamInferResponse,
} from '@golek/protocols/kserve/wire';

interface Port {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly optional?: true;
}

/** How a model answers a request: each piece is one answer of a decoupled model, the only one otherwise. */
export interface LoopbackModel {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly decoupled?: true;
  readonly answer: (
    message: InferMessage,
  ) => Iterable<readonly NamedTensor[] | Error> | AsyncIterable<readonly NamedTensor[] | Error>;
}

/** A server of the KServe v2 protocol over gRPC, on a free port of this machine, that speaks it as Triton does. */
export interface LoopbackServer extends AsyncDisposable {
  readonly url: string;
  /** Answers in progress. */
  readonly active: number;
  /** Metadata of the latest call, and when it has to be done. */
  readonly metadata: () => Metadata;
  readonly deadline: () => number;
  readonly requests: readonly InferMessage[];
  readonly loads: readonly string[];
}

const failed = (code: number, details: string): Error & { code: number; details: string } =>
  Object.assign(new Error(details), { code, details });

const definitionOf = ({
  name,
  requestType,
  responseType,
  requestStream,
  responseStream,
}: (typeof SERVICE.methods)[keyof typeof SERVICE.methods]): MethodDefinition<unknown, unknown> => {
  const codec = <T>(type: unknown) => type as MessageFns<T>;
  return {
    path: `/${SERVICE.fullName}/${name}`,
    requestStream,
    responseStream,
    requestSerialize: (message) => Buffer.from(codec<unknown>(requestType).encode(message).finish()),
    requestDeserialize: (bytes) => codec<unknown>(requestType).decode(bytes),
    responseSerialize: (message) => Buffer.from(codec<unknown>(responseType).encode(message).finish()),
    responseDeserialize: (bytes) => codec<unknown>(responseType).decode(bytes),
  };
};

const TYPES: Readonly<Record<string, DataType>> = {
  BYTES: DataType.TYPE_STRING,
  BOOL: DataType.TYPE_BOOL,
  FP32: DataType.TYPE_FP32,
};

export const startLoopbackServer = async (
  models: Readonly<Record<string, LoopbackModel>>,
  credentials = ServerCredentials.createInsecure(),
): Promise<LoopbackServer> => {
  let active = 0;
  let latest = new Metadata();
  let deadline = Infinity;
  const note = (call: ServerUnaryCall<unknown, unknown> | ServerDuplexStream<unknown, unknown>): void => {
    latest = call.metadata;
    deadline = Number(call.getDeadline());
  };
  const requests: InferMessage[] = [];
  const loads: string[] = [];
  const modelOf = (name: string): LoopbackModel => {
    const model = Object.hasOwn(models, name) ? models[name] : undefined;
    if (model) return model;
    throw failed(status.NOT_FOUND, `Request for unknown model: '${name}' is not found`);
  };
  const unary =
    <Req, Res>(answer: (request: Req) => Res | Promise<Res>): handleUnaryCall<Req, Res> =>
    (call: ServerUnaryCall<Req, Res>, done: sendUnaryData<Res>) => {
      note(call);
      Promise.resolve(call.request)
        .then(answer)
        .then(
          (response) => done(null, response),
          (error: unknown) => done(error as Error),
        );
    };
  const wire = ({ name, datatype, shape }: Port) => ({ name, datatype, shape: shape.map(BigInt) });
  const config = (ports: readonly Port[]) =>
    ports.map((port) => ({
      name: port.name,
      dataType: TYPES[port.datatype] ?? DataType.TYPE_INVALID,
      dims: port.shape.map(BigInt),
      optional: port.optional === true,
    }));
  const answers = async function* (message: InferMessage): AsyncGenerator<readonly NamedTensor[]> {
    requests.push(message);
    active++;
    try {
      for await (const piece of modelOf(message.model).answer(message)) {
        if (piece instanceof Error) throw piece;
        yield piece;
      }
    } finally {
      active--;
    }
  };
  const responseOf = ({ model, id }: InferMessage, outputs: readonly NamedTensor[]) =>
    modelInferResponse({ model, id, parameters: {}, outputs });

  const server = new Server();
  const methods = Object.entries(SERVICE.methods).map(([name, method]) => [name, definitionOf(method)] as const);
  server.addService(Object.fromEntries(methods), {
    serverLive: unary(() => ({ live: true })),
    modelMetadata: unary(({ name }: { name: string }) => {
      const { inputs, outputs } = modelOf(name);
      return { name, versions: ['1'], platform: 'test', inputs: inputs.map(wire), outputs: outputs.map(wire) };
    }),
    modelConfig: unary(({ name }: { name: string }) => {
      const { inputs, outputs, decoupled = false } = modelOf(name);
      const policy = { decoupled };
      return {
        config: {
          name,
          platform: 'test',
          backend: 'test',
          maxBatchSize: 0,
          input: config(inputs),
          output: config(outputs),
          modelTransactionPolicy: policy,
        },
      };
    }),
    repositoryIndex: unary(() => ({
      // Triton has an entry for each version.
      models: Object.keys(models).flatMap((name) =>
        ['1', '2'].map((version) => ({ name, version, state: 'READY', reason: '' })),
      ),
    })),
    repositoryModelLoad: unary(({ modelName }: { modelName: string }) => {
      modelOf(modelName);
      loads.push(`load ${modelName}`);
      return {};
    }),
    repositoryModelUnload: unary(({ modelName }: { modelName: string }) => {
      loads.push(`unload ${modelName}`);
      return {};
    }),
    modelInfer: unary(async (request: ModelInferRequest) => {
      const message = readModelInfer(request);
      if (modelOf(message.model).decoupled)
        throw failed(status.UNIMPLEMENTED, "doesn't support models with decoupled transaction policy");
      for await (const outputs of answers(message)) return responseOf(message, outputs);
      throw failed(status.INTERNAL, 'no answer');
    }),
    modelStreamInfer: (call: ServerDuplexStream<ModelInferRequest, ModelStreamInferResponse>) => {
      note(call);
      const answer = async (request: ModelInferRequest): Promise<void> => {
        const message = readModelInfer(request);
        try {
          for await (const outputs of answers(message)) {
            if (call.cancelled) return;
            if (!call.write({ errorMessage: '', inferResponse: responseOf(message, outputs) })) {
              await Promise.race([once(call, 'drain'), once(call, 'cancelled')]);
            }
          }
        } catch (error) {
          call.write({ errorMessage: (error as Error).message, inferResponse: undefined });
        }
      };
      const work: Promise<void>[] = [];
      call.on('data', (request: ModelInferRequest) => void work.push(answer(request)));
      call.on('end', () => void Promise.all(work).then(() => call.end()));
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    get active() {
      return active;
    },
    metadata: () => latest,
    deadline: () => deadline,
    requests,
    loads,
    [Symbol.asyncDispose]: async () => server.forceShutdown(),
  };
};
