import {
  Client,
  credentials,
  Metadata,
  type CallOptions,
  type ClientDuplexStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { GRPCInferenceServiceDefinition as SERVICE, type MessageFns } from '@golek/protocols/kserve/wire';
import type { ResolvedTriton } from '../options.ts';

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

/** The connections to one server. Retries nothing: that is the kernel's. */
export class Channels implements Disposable {
  readonly #clients: readonly Client[];
  readonly #headers: Readonly<Record<string, string>>;
  #next = 0;

  constructor(options: ResolvedTriton) {
    const { baseUrl, apiKey, headers, ca, channels, keepAliveMs, connectTimeoutMs, maxResponseBytes } = options;
    const secure = baseUrl.protocol === 'https:';
    const target = `dns:${baseUrl.hostname}:${baseUrl.port || (secure ? 443 : 80)}`;
    this.#headers = { ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }), ...headers };
    const shown = secure
      ? credentials.createSsl(ca === undefined ? null : Buffer.from(ca))
      : credentials.createInsecure();
    this.#clients = Array.from(
      { length: channels },
      () =>
        new Client(target, shown, {
          // A connection of its own for each channel, rather than one for all.
          'grpc.use_local_subchannel_pool': 1,
          'grpc.max_receive_message_length': maxResponseBytes,
          'grpc.max_send_message_length': -1,
          'grpc.enable_retries': 0,
          'grpc.initial_reconnect_backoff_ms': 100,
          'grpc.max_reconnect_backoff_ms': connectTimeoutMs,
          'grpc.primary_user_agent': 'golek',
          ...(keepAliveMs > 0 && {
            'grpc.keepalive_time_ms': keepAliveMs,
            'grpc.keepalive_timeout_ms': connectTimeoutMs,
          }),
        }),
    );
  }

  /** One message, one answer. Throws the library's error, also when the signal ends it. */
  unary<M extends UnaryMethod>(method: M, message: Request<M>, context: CallContext): Promise<Response<M>> {
    const { name, requestType, responseType } = methods[method];
    return new Promise((resolve, reject) => {
      const call = this.#client().makeUnaryRequest<Request<M>, Response<M>>(
        pathOf(name),
        serializer(requestType as unknown as MessageFns<Request<M>>),
        deserializer(responseType as unknown as MessageFns<Response<M>>),
        message,
        this.#metadata(context),
        optionsOf(context),
        (error: ServiceError | null, answer?: Response<M>) => {
          context.signal.removeEventListener('abort', cancel);
          if (error) reject(error);
          else resolve(answer as Response<M>);
        },
      );
      const cancel = (): void => call.cancel();
      context.signal.addEventListener('abort', cancel, { once: true });
    });
  }

  /** One message, any number of answers. Whoever leaves it cancels it. */
  stream(
    message: Request<'modelStreamInfer'>,
    context: CallContext,
  ): ClientDuplexStream<Request<'modelStreamInfer'>, Response<'modelStreamInfer'>> {
    const { name, requestType, responseType } = methods.modelStreamInfer;
    const call = this.#client().makeBidiStreamRequest(
      pathOf(name),
      serializer(requestType),
      deserializer(responseType),
      this.#metadata(context),
      optionsOf(context),
    );
    // Thrown to the reader; a call that is cancelled before it is read has none.
    call.on('error', () => undefined);
    call.write(message);
    call.end();
    return call;
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.close();
  }

  #client(): Client {
    this.#next = (this.#next + 1) % this.#clients.length;
    return this.#clients[this.#next] as Client;
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
