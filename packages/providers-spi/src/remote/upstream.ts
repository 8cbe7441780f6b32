import { Pool } from 'undici';
import { Exchange } from './exchange.ts';
import type { FailureContext } from './upstream-failure.ts';
import type { ResolvedUpstream } from './upstream-options.ts';

/** What a request carries beside its body. */
export interface Outgoing {
  readonly method: 'GET' | 'POST';
  /** Below the base URL, e.g. `/chat/completions`. */
  readonly path: string;
  readonly body?: string | Uint8Array;
  readonly accept: string;
  /** Beside those of the upstream, or in their place; names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly traceparent?: string | undefined;
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
  readonly #pool: Pool;
  readonly #path: string;
  readonly #query: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #secrets: readonly string[];
  readonly #maxResponseBytes: number;

  constructor(options: ResolvedUpstream, service: ServiceHeaders = {}) {
    const { credentials = bearer } = service;
    const { id, baseUrl, apiKey, headers, connections, connectTimeoutMs, idleTimeoutMs, maxResponseBytes } = options;
    this.id = id;
    this.host = baseUrl.host;
    this.#path = baseUrl.pathname.replace(/\/+$/, '');
    this.#query = baseUrl.search;
    this.#maxResponseBytes = maxResponseBytes;
    this.#headers = {
      'content-type': 'application/json',
      'user-agent': 'golek',
      ...service.headers,
      ...(apiKey !== undefined && credentials(apiKey)),
      ...headers,
    };
    this.#secrets = [apiKey ?? '', ...Object.values(headers)].filter(({ length }) => length >= SECRET_CHARACTERS);
    this.#pool = new Pool(baseUrl.origin, {
      connections,
      pipelining: 1,
      // HTTP/2 shares one connection among requests: what cancels and limits here is written for one request each.
      allowH2: false,
      connect: { timeout: connectTimeoutMs },
      headersTimeout: idleTimeoutMs,
      bodyTimeout: idleTimeoutMs,
    });
  }

  /** Sends a request. Everything that can go wrong comes out of the exchange. */
  send({ method, path, body, accept, headers, traceparent }: Outgoing): Exchange {
    const exchange = new Exchange(this.#maxResponseBytes);
    this.#pool.dispatch(
      {
        method,
        path: this.#path + path + (path.includes('?') ? this.#query.replace('?', '&') : this.#query),
        headers: { ...this.#headers, ...headers, accept, ...(traceparent !== undefined && { traceparent }) },
        ...(body !== undefined && { body }),
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
