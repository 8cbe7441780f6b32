import {
  createServer,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { GRPCInferenceServiceDefinition as SERVICE, ModelInferRequest } from '@golek/protocols/kserve/wire';
import { portsOf } from './grpc-answers.ts';
import type { GrpcBehaviour } from './grpc-behaviour.ts';
import { frame, perform, type GrpcCallRecord } from './perform-grpc.ts';

export interface FaultyGrpcOptions {
  /** What is done with calls for a model, by its name without a leading `tensor-`; other models get a right answer. */
  readonly models?: Readonly<Record<string, GrpcBehaviour>>;
}

const REMEMBERED = 2_000;

const bodyOf = async (stream: ServerHttp2Stream): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  // One message: its length was told, and nothing follows.
  return Buffer.concat(parts).subarray(5);
};

/** A server of the KServe v2 protocol over gRPC, on loopback, whose answers fail as they are told, frame by frame. What a model is it always tells rightly. */
export class FaultyGrpc implements AsyncDisposable {
  readonly #models: Readonly<Record<string, GrpcBehaviour>>;
  readonly #script: GrpcBehaviour[] = [];
  readonly #sessions = new Set<Http2Session>();
  readonly #closing = new AbortController();
  readonly #calls: GrpcCallRecord[] = [];
  #server: Http2Server | undefined;
  #port = 0;

  private constructor({ models = {} }: FaultyGrpcOptions) {
    this.#models = models;
  }

  static async start(options: FaultyGrpcOptions = {}): Promise<FaultyGrpc> {
    const upstream = new FaultyGrpc(options);
    await upstream.accept();
    return upstream;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Calls of ModelInfer and ModelStreamInfer, oldest first. */
  get calls(): readonly GrpcCallRecord[] {
    return this.#calls;
  }

  /** Calls that are being answered. */
  get open(): number {
    return this.#calls.filter(({ state }) => state === 'open').length;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sessions.size;
  }

  /** The next calls, whatever their model, get these behaviours, one each. */
  script(...behaviours: readonly GrpcBehaviour[]): void {
    this.#script.push(...behaviours);
  }

  /** Closes port and connections: what connects is refused until `accept`. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const session of this.#sessions) session.destroy();
    await closed;
  }

  /** Listens, on the same port as before. */
  async accept(): Promise<void> {
    if (this.#server) return;
    const server = createServer();
    server.on('session', (session) => {
      this.#sessions.add(session);
      session.on('error', () => undefined);
      session.once('close', () => this.#sessions.delete(session));
    });
    server.on('stream', (stream, headers) => void this.#answer(stream as ServerHttp2Stream, headers));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.refuse();
  }

  async #answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const gone = new AbortController();
    const left = AbortSignal.any([gone.signal, this.#closing.signal]);
    stream.on('error', () => undefined);
    stream.once('close', () => gone.abort());
    const method = (headers[':path'] ?? '').split('/').at(-1) ?? '';
    let call: GrpcCallRecord | undefined;
    try {
      const body = await bodyOf(stream);
      if (method !== 'ModelInfer' && method !== 'ModelStreamInfer') return this.#tell(stream, method, body);
      const request = ModelInferRequest.decode(body);
      const model = request.modelName;
      call = { method, model, headers, request, state: 'open', messages: 0 };
      this.#calls.push(call);
      if (this.#calls.length > REMEMBERED) this.#calls.shift();
      const behaviour = this.#script.shift() ?? this.#models[model.replace(/^tensor-/, '')] ?? { kind: 'ok' };
      await perform(behaviour, { stream, call, request, streamed: method === 'ModelStreamInfer', left });
    } catch (error) {
      if (!left.aborted && !stream.destroyed) throw error;
      stream.destroy();
    } finally {
      if (call?.state === 'open') call.state = 'abandoned';
    }
  }

  /** Answers what is asked about models and the server. */
  #tell(stream: ServerHttp2Stream, method: string, body: Buffer): void {
    const { modelMetadata, modelConfig, serverLive, repositoryModelLoad, repositoryModelUnload } = SERVICE.methods;
    const nameIn = (): string => modelMetadata.requestType.decode(body).name;
    const told = (): Uint8Array | undefined => {
      switch (method) {
        case serverLive.name:
          return serverLive.responseType.encode({ live: true }).finish();
        case modelMetadata.name:
          return modelMetadata.responseType
            .encode({ name: nameIn(), versions: ['1'], platform: 'test', ...portsOf(nameIn()) })
            .finish();
        case modelConfig.name: {
          const modelTransactionPolicy = { decoupled: !nameIn().startsWith('tensor-') };
          const config = { name: nameIn(), platform: 'test', backend: 'test', maxBatchSize: 0, input: [], output: [] };
          return modelConfig.responseType.encode({ config: { ...config, modelTransactionPolicy } }).finish();
        }
        case repositoryModelLoad.name:
        case repositoryModelUnload.name:
          return new Uint8Array(0);
        default:
          return undefined;
      }
    };
    const bytes = told();
    stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': bytes ? '0' : '12' }));
    stream.end(bytes ? frame(bytes) : undefined);
  }
}

/** @example await using upstream = await startFaultyGrpc({ models: { busy: { kind: 'status', status: 14 } } }); */
export const startFaultyGrpc = (options?: FaultyGrpcOptions): Promise<FaultyGrpc> => FaultyGrpc.start(options);
