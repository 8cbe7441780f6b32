import { Pool } from 'undici';
import { Exchange } from './exchange.ts';
import { KeyPool } from './key-pool.ts';
import type { FailureContext } from './upstream-failure.ts';
import type { ResolvedUpstream } from './upstream-options.ts';

/** What a request carries beside its body. */
export interface Outgoing {
  readonly method: 'GET' | 'POST';
  /** Below the base URL, e.g. `/chat/completions`. */
  readonly path: string;
  readonly body?: string | Uint8Array;
  readonly accept: string;
  /** The answer comes in one piece, and the service may say nothing for so long before it, milliseconds. Default: the upstream's idle time. */
  readonly answerMs?: number | undefined;
  /** Longest answer, bytes, where that is less than the upstream's limit. */
  readonly maxBytes?: number;
  /** Beside those of the upstream, or in their place; names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly traceparent?: string | undefined;
  /** One of the upstream's keys. Default: the next. */
  readonly apiKey?: string | undefined;
}

/** What a kind of service wants to be sent with every request. */
export interface ServiceHeaders {
  /** Headers that show a key. Default: a bearer token. */
  readonly credentials?: (apiKey: string) => Readonly<Record<string, string>>;
  /** Headers beside those, which hold no secret; those of the options come before them. */
  readonly headers?: Readonly<Record<string, string>>;
}

const bearer = (apiKey: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${apiKey}` });

/** Shorter ones occur in ordinary words. */
const SECRET_CHARACTERS = 6;

/** The connections to one service. Retries nothing and follows no redirect. */
export class Upstream implements AsyncDisposable {
  readonly id: string;
  readonly host: string;
  readonly keys: KeyPool;
  readonly #pool: Pool;
  readonly #path: string;
  readonly #query: string;
  /** By key. */
  readonly #headers: ReadonlyMap<string | undefined, Readonly<Record<string, string>>>;
  readonly #secrets: readonly string[];
  readonly #maxResponseBytes: number;

  constructor(options: ResolvedUpstream, service: ServiceHeaders = {}) {
    const { credentials = bearer } = service;
    const { id, baseUrl, apiKeys, headers, connections, http2, tls } = options;
    const { connectTimeoutMs, idleTimeoutMs, maxResponseBytes } = options;
    this.id = id;
    this.host = baseUrl.host;
    this.keys = new KeyPool(id, apiKeys, options.log);
    this.#path = baseUrl.pathname.replace(/\/+$/, '');
    this.#query = baseUrl.search;
    this.#maxResponseBytes = maxResponseBytes;
    const common = { 'content-type': 'application/json', 'user-agent': 'golek', ...service.headers };
    this.#headers = new Map<string | undefined, Readonly<Record<string, string>>>([
      [undefined, { ...common, ...headers }],
      ...apiKeys.map((key) => [key, { ...common, ...credentials(key), ...headers }] as const),
    ]);
    this.#secrets = [...apiKeys, ...Object.values(headers)].filter(({ length }) => length >= SECRET_CHARACTERS);
    this.#pool = new Pool(baseUrl.origin, {
      connections,
      // HTTP/2 has many requests on a connection at once, each a stream that is cancelled and stopped by itself.
      ...(http2 ? { allowH2: true } : { pipelining: 1, allowH2: false }),
      connect: {
        timeout: connectTimeoutMs,
        ...(tls?.ca !== undefined && { ca: tls.ca }),
        ...(tls?.certificate !== undefined && { cert: tls.certificate }),
        ...(tls?.key !== undefined && { key: tls.key }),
        ...(tls?.serverName !== undefined && { servername: tls.serverName }),
      },
      headersTimeout: idleTimeoutMs,
      bodyTimeout: idleTimeoutMs,
    });
  }

  /** Sends a request. Everything that can go wrong comes out of the exchange. */
  send(outgoing: Outgoing): Exchange {
    const { method, path, body, accept, answerMs, headers, traceparent, apiKey = this.keys.take() } = outgoing;
    const exchange = new Exchange(Math.min(outgoing.maxBytes ?? Infinity, this.#maxResponseBytes));
    this.#pool.dispatch(
      {
        method,
        path: this.#path + path + (path.includes('?') ? this.#query.replace('?', '&') : this.#query),
        headers: {
          ...this.#headers.get(apiKey),
          ...headers,
          accept,
          ...(traceparent !== undefined && { traceparent }),
        },
        ...(body !== undefined && { body }),
        ...(answerMs !== undefined && { headersTimeout: answerMs }),
      },
      exchange,
    );
    return exchange;
  }

  failureContext(model?: string): FailureContext {
    return { upstream: this.id, host: this.host, redact: this.#redact, ...(model !== undefined && { model }) };
  }

  readonly #redact = (text: string): string =>
    this.#secrets.reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text);

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.destroy();
  }
}
