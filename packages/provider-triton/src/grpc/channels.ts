import { crc32 } from 'node:zlib';
import { Client, Metadata, type CallOptions, type ServiceError } from '@grpc/grpc-js';
import { GRPCInferenceServiceDefinition as SERVICE, type MessageFns } from '@golek/protocols/kserve/wire';
import type { ResolvedTriton } from '../options.ts';
import { ContentType } from './content-type.ts';
import { connected, isFailing } from './connected.ts';
import { tlsCredentials } from './tls-credentials.ts';

const { methods } = SERVICE;
type Methods = typeof methods;
type Request<M extends keyof Methods> = Methods[M]['requestType'] extends MessageFns<infer T> ? T : never;
type Response<M extends keyof Methods> = Methods[M]['responseType'] extends MessageFns<infer T> ? T : never;
type UnaryMethod = { [M in keyof Methods]: Methods[M]['responseStream'] extends true ? never : M }[keyof Methods];

/** What a call is given beside its message. */
export interface CallContext {
  readonly signal: AbortSignal;
  /** Milliseconds of `performance.now()`. */
  readonly deadline: number | undefined;
  readonly traceparent?: string | undefined;
  /** Name of the sequence of requests that the call belongs to (stateful models). */
  readonly sequence?: string | undefined;
}

/** The answers to one message. */
export interface AnswerStream {
  readonly answers: AsyncIterable<Response<'modelStreamInfer'>>;
  cancel(): void;
  /** What a failure of the answers is, where the library tells it badly. */
  explain(thrown: unknown): unknown;
}

const serializer =
  <T>(type: MessageFns<T>) =>
  (message: T): Buffer => {
    const bytes = type.encode(message).finish();
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };

const deserializer =
  <T>(type: MessageFns<T>) =>
  (bytes: Buffer): T =>
    type.decode(bytes);

/** So long a channel waits at most until it tries again to connect, milliseconds: a server that is back is found soon. */
const LONGEST_BACKOFF_MS = 1_000;

/** The connections to one server. Retries nothing: that is the kernel's. */
export class Channels implements Disposable {
  readonly #clients: readonly Client[];
  readonly #headers: Readonly<Record<string, string>>;
  readonly #where: string;
  readonly #connectTimeoutMs: number;
  readonly #maxResponseBytes: number;
  #next = 0;

  constructor(options: ResolvedTriton) {
    const { id, baseUrl, apiKeys, headers, channels, keepAliveMs, connectTimeoutMs, maxResponseBytes } = options;
    const [apiKey] = apiKeys;
    const [security, named] = tlsCredentials(options);
    const target = `dns:${baseUrl.hostname}:${baseUrl.port || (baseUrl.protocol === 'https:' ? 443 : 80)}`;
    this.#headers = { ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }), ...headers };
    this.#where = `upstream '${id}' (${baseUrl.host})`;
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#maxResponseBytes = maxResponseBytes;
    this.#clients = Array.from(
      { length: channels },
      () =>
        new Client(target, security, {
          ...named,
          // A connection of its own for each channel, rather than one for all.
          'grpc.use_local_subchannel_pool': 1,
          'grpc.max_receive_message_length': maxResponseBytes,
          'grpc.max_send_message_length': -1,
          'grpc.enable_retries': 0,
          // The configuration of Golek decides, not the environment and not a record of DNS.
          'grpc.enable_http_proxy': 0,
          'grpc.service_config_disable_resolution': 1,
          'grpc.initial_reconnect_backoff_ms': 100,
          'grpc.max_reconnect_backoff_ms': LONGEST_BACKOFF_MS,
          'grpc.primary_user_agent': 'golek',
          ...(keepAliveMs > 0 && {
            'grpc.keepalive_time_ms': keepAliveMs,
            'grpc.keepalive_timeout_ms': connectTimeoutMs,
          }),
        }),
    );
  }

  /** One message, one answer. Throws the library's error, also when the signal ends it. */
  async unary<M extends UnaryMethod>(method: M, message: Request<M>, context: CallContext): Promise<Response<M>> {
    const { name, requestType, responseType } = methods[method];
    const client = await this.#client(context);
    return new Promise((resolve, reject) => {
      const call = client.makeUnaryRequest<Request<M>, Response<M>>(
        pathOf(name),
        serializer(requestType as unknown as MessageFns<Request<M>>),
        deserializer(responseType as unknown as MessageFns<Response<M>>),
        message,
        this.#metadata(context),
        optionsOf(context),
        (error: ServiceError | null, answer?: Response<M>) => {
          context.signal.removeEventListener('abort', cancel);
          if (error) reject(type.explain(error, this.#where));
          else resolve(answer as Response<M>);
        },
      );
      const type = new ContentType(call);
      const cancel = (): void => call.cancel();
      context.signal.addEventListener('abort', cancel, { once: true });
    });
  }

  /** One message, any number of answers. Whoever leaves it cancels it. */
  async stream(message: Request<'modelStreamInfer'>, context: CallContext): Promise<AnswerStream> {
    const { name, requestType, responseType } = methods.modelStreamInfer;
    const client = await this.#client(context);
    const read = deserializer(responseType);
    let received = 0;
    const call = client.makeBidiStreamRequest(
      pathOf(name),
      serializer(requestType),
      (bytes: Buffer) => {
        received += bytes.length;
        if (received > this.#maxResponseBytes)
          throw new RangeError(`the answer is longer than the limit of ${this.#maxResponseBytes} bytes`);
        return read(bytes);
      },
      this.#metadata(context),
      optionsOf(context),
    );
    // Thrown to the reader; a call that is cancelled before it is read has none.
    call.on('error', () => undefined);
    const type = new ContentType(call);
    call.write(message);
    call.end();
    return {
      answers: call as AsyncIterable<Response<'modelStreamInfer'>>,
      cancel: () => call.cancel(),
      explain: (thrown) => type.explain(thrown, this.#where),
    };
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.close();
  }

  /**
   * The next channel that works; calls of one sequence go over the same, so that what balances the load of connections keeps them together. A channel that could not connect is passed by
   * while another one can.
   */
  async #client({ sequence, signal }: CallContext): Promise<Client> {
    const count = this.#clients.length;
    const first = sequence === undefined ? (this.#next = (this.#next + 1) % count) : crc32(sequence) % count;
    const ordered = [...this.#clients.slice(first), ...this.#clients.slice(0, first)];
    const client = ordered.reduce((best, one) => (isFailing(best) && !isFailing(one) ? one : best));
    await connected(client, this.#connectTimeoutMs, signal, this.#where);
    return client;
  }

  #metadata({ traceparent }: CallContext): Metadata {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(this.#headers)) metadata.set(name, value);
    if (traceparent !== undefined) metadata.set('traceparent', traceparent);
    return metadata;
  }
}

const pathOf = (method: string): string => `/${SERVICE.fullName}/${method}`;

const optionsOf = ({ deadline }: CallContext): CallOptions =>
  deadline === undefined ? {} : { deadline: Date.now() + Math.max(0, deadline - performance.now()) };
