import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createSecureServer as createHttp2Server, type Http2SecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Behaviour } from './behaviour.ts';
import { perform } from './perform.ts';
import { readAsked } from './read-asked.ts';
import { TEST_CA, TEST_SERVER_CERTIFICATE, TEST_SERVER_KEY } from './test-certificates.ts';
import type { LiveCall, UpstreamCall } from './upstream-call.ts';

export interface FaultyUpstreamOptions {
  /** What is done with requests for a model, by its name; other models get `behaviour`. */
  readonly models?: Readonly<Record<string, Behaviour>>;
  /** Default: a right answer. */
  readonly behaviour?: Behaviour;
  /** Default: a free one. */
  readonly port?: number;
  /** Answers by https, with the certificate of `test-certificates.ts`. */
  readonly tls?: {
    /** Whoever shows no certificate of the authority of the tests is turned away. */
    readonly clientCertificate?: boolean;
    /** HTTP/2 beside HTTP/1.1. Faults that take a socket apart are for HTTP/1.1 only. */
    readonly http2?: boolean;
  };
}

/** Calls that are remembered; older ones are only counted. */
const REMEMBERED = 2_000;

const readBody = async (request: IncomingMessage): Promise<unknown> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    return undefined;
  }
};

const serverOf = (tls: FaultyUpstreamOptions['tls'], answer: RequestListener): Server | Http2SecureServer => {
  if (!tls) return createServer(answer);
  const asksClient = tls.clientCertificate === true;
  const secured = {
    cert: TEST_SERVER_CERTIFICATE,
    key: TEST_SERVER_KEY,
    ...(asksClient && { ca: TEST_CA, requestCert: true, rejectUnauthorized: true }),
  };
  // Requests and answers of HTTP/2 have the form of those of HTTP/1.1 here.
  return tls.http2 === true
    ? createHttp2Server({ ...secured, allowHTTP1: true }, answer as never)
    : createTlsServer(secured, answer);
};

/** A server on loopback that answers, or fails, as it is told, in the protocol of a request's path. */
export class FaultyUpstream implements AsyncDisposable {
  readonly #models: Readonly<Record<string, Behaviour>>;
  readonly #default: Behaviour;
  readonly #script: Behaviour[] = [];
  readonly #calls: LiveCall[] = [];
  readonly #closing = new AbortController();
  readonly #tls: FaultyUpstreamOptions['tls'];
  /** Connections since the start. */
  #connections = 0;
  readonly #sockets = new Set<Socket>();
  #server: Server | Http2SecureServer | undefined;
  #port: number;
  #count = 0;

  private constructor({ models = {}, behaviour = { kind: 'ok' }, port = 0, tls }: FaultyUpstreamOptions) {
    this.#tls = tls;
    this.#models = models;
    this.#default = behaviour;
    this.#port = port;
  }

  static async start(options: FaultyUpstreamOptions = {}): Promise<FaultyUpstream> {
    const upstream = new FaultyUpstream(options);
    await upstream.accept();
    return upstream;
  }

  get port(): number {
    return this.#port;
  }

  /** The base URL for clients. */
  get url(): string {
    return `${this.#tls ? 'https' : 'http'}://127.0.0.1:${this.#port}/v1`;
  }

  /** How many connections there were. */
  get connections(): number {
    return this.#connections;
  }

  /** Requests that arrived whole, but for lists of models; oldest first. */
  get calls(): readonly UpstreamCall[] {
    return this.#calls;
  }

  /** How many requests there were, but for lists of models. */
  get count(): number {
    return this.#count;
  }

  /** Calls that are being answered. */
  get open(): number {
    return this.#calls.filter(({ state }) => state === 'open').length;
  }

  /** The next requests, whatever their model, get these behaviours, one each; then those of the models come again. */
  script(...behaviours: readonly Behaviour[]): void {
    this.#script.push(...behaviours);
  }

  /** Forgets calls and script. */
  forget(): void {
    this.#script.length = 0;
    this.#calls.length = 0;
    this.#count = 0;
  }

  /** Closes port and connections: what connects is refused until `accept`. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Listens, on the same port as before. */
  async accept(): Promise<void> {
    if (this.#server) return;
    const server = serverOf(this.#tls, (request, response) => void this.#answer(request, response));
    server.on(this.#tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#connections++;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    if ('keepAliveTimeout' in server) server.keepAliveTimeout = 30_000;
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

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const left = new AbortController();
    // A client that resets its connection is what some tests want to see, not a failure of this server.
    response.on('error', () => undefined);
    response.once('close', () => left.abort());
    let call: LiveCall | undefined;
    try {
      const path = (request.url ?? '').split('?')[0] ?? '';
      const body = await readBody(request);
      const asked = readAsked(path, body);
      if (!asked) {
        response.writeHead(404, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify({ error: { message: `no ${path} here`, type: 'invalid_request_error', code: null } }),
        );
        return;
      }
      const scripted = asked.kind === 'models' ? undefined : this.#script.shift();
      const behaviour = scripted ?? this.#models[asked.model] ?? this.#default;
      const { method = '', headers } = request;
      const port = request.socket.remotePort ?? 0;
      const at = performance.now();
      call = { method, path, headers, port, body, behaviour, at, state: 'open', endedAt: undefined, bytes: 0 };
      if (asked.kind !== 'models') this.#remember(call);
      const signal = AbortSignal.any([left.signal, this.#closing.signal]);
      const models = Object.keys(this.#models);
      await perform(behaviour, { asked, response, call, signal, models });
    } catch (error) {
      if (!left.signal.aborted && !this.#closing.signal.aborted && !request.destroyed) throw error;
      response.destroy();
    } finally {
      if (call) {
        if (call.state === 'open') call.state = 'abandoned';
        call.endedAt = performance.now();
      }
    }
  }

  #remember(call: LiveCall): void {
    this.#count++;
    this.#calls.push(call);
    if (this.#calls.length > REMEMBERED) this.#calls.shift();
  }
}

/** @example await using upstream = await startFaultyUpstream({ models: { busy: { kind: 'status', status: 429 } } }); */
export const startFaultyUpstream = (options?: FaultyUpstreamOptions): Promise<FaultyUpstream> =>
  FaultyUpstream.start(options);
