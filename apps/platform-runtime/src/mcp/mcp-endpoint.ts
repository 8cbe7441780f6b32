import {
  createMcpHandler,
  isInitializeRequest,
  isLegacyRequest,
  type McpHttpHandler,
  type ServerContext,
} from '@modelcontextprotocol/server';
import type { Log } from '@golek/plugins-api';
import type { EventStreamLimits } from '../http/event-stream.ts';
import type { Exchange } from '../http/exchange.ts';
import { parseJsonBody } from '../http/json-body.ts';
import type { OverrideReader } from '../http/request-hints.ts';
import { changedResources } from './follow-models.ts';
import type { ConnectServer } from './golek-mcp-server.ts';
import { exchangeCaller, type McpCaller } from './mcp-caller.ts';
import type { McpModels } from './mcp-models.ts';
import { McpSessions, type McpSessionLimits } from './mcp-sessions.ts';
import { sendWebResponse, webRequest } from './web-exchange.ts';

export interface McpEndpointOptions {
  readonly connect: ConnectServer;
  /** Whose changes clients without a session are told; those with one are told by their own server. */
  readonly models: Pick<McpModels, 'watch'>;
  readonly sessions: McpSessionLimits;
  readonly limits: () => EventStreamLimits;
  readonly readOverrides: OverrideReader;
  readonly log: Log;
}

const refusal = (status: number, code: number, message: string): Response =>
  Response.json({ jsonrpc: '2.0', id: null, error: { code, message } }, { status });

/** Streamable HTTP: revisions with sessions (2025) and the one without (2026-07-28), on one path. */
export class McpEndpoint {
  readonly #options: McpEndpointOptions;
  readonly #callers = new WeakMap<Request, McpCaller>();
  readonly #sessions: McpSessions;
  readonly #stateless: McpHttpHandler;
  readonly #watching: Disposable;
  /** Aborted when streams that would never end by themselves shall. */
  readonly #ending = new AbortController();

  constructor(options: McpEndpointOptions) {
    this.#options = options;
    const { connect, sessions: limits, log } = options;
    const callerOf = (context: ServerContext): McpCaller => this.#callerOf(context);
    const keepAliveMs = (): number => options.limits().heartbeatMs;
    this.#sessions = new McpSessions({ connect, callerOf, limits, keepAliveMs, log });
    const { notify, ...stateless } = createMcpHandler(() => connect({ callerOf, tells: 'no' }), {
      legacy: 'reject',
      maxSubscriptions: limits.maxSessions,
      keepAliveMs: keepAliveMs(),
      onerror: (err) => log.debug({ err }, 'a request to the MCP server was not in order'),
    });
    this.#stateless = { ...stateless, notify };
    this.#watching = options.models.watch((change) => {
      if (change.kind === 'list') notify.resourcesChanged();
      for (const uri of changedResources(change)) notify.resourceUpdated(uri);
    });
  }

  /** Sessions that are open. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Answers a request to the path, of any method. Throws GolekError for a body that is no JSON. */
  async handle(exchange: Exchange): Promise<void> {
    const { request: incoming, principal } = exchange;
    const body = incoming.method === 'POST' ? parseJsonBody(exchange.body, incoming.headers) : undefined;
    const signal = AbortSignal.any([exchange.signal, ...(isFeed(incoming.method, body) ? [this.#ending.signal] : [])]);
    const request = webRequest(exchange, signal);
    this.#callers.set(request, exchangeCaller(exchange, this.#options.readOverrides));
    const send = (answer: Response): Promise<void> =>
      sendWebResponse(exchange, answer, signal, this.#options.limits().writeTimeoutMs);

    if (!(await isLegacyRequest(request, body)))
      return send(await this.#stateless.fetch(request, { parsedBody: body }));
    const id = request.headers.get('mcp-session-id');
    if (id !== null) {
      const session = this.#sessions.find(id, principal);
      if (session) return session.serve(request, body, send);
      return send(
        refusal(
          404,
          -32001,
          'no session of yours has this id: it has ended or was idle for too long; send initialize to begin another',
        ),
      );
    }
    if (!isInitializeRequest(body)) {
      return send(
        refusal(
          400,
          -32000,
          'the request names no session; send initialize, then its Mcp-Session-Id with each request',
        ),
      );
    }
    return (await this.#sessions.open(principal)).serve(request, body, send);
  }

  /** Lets go of the clients that only listen. */
  endFeeds(): void {
    this.#ending.abort();
  }

  async close(): Promise<void> {
    this.endFeeds();
    this.#watching[Symbol.dispose]();
    await Promise.all([this.#sessions.close(), this.#stateless.close()]);
  }

  #callerOf({ http }: ServerContext): McpCaller {
    const caller = http?.req && this.#callers.get(http.req);
    if (!caller) throw new TypeError('a message of the MCP server has no HTTP request');
    return caller;
  }
}

/** A stream of notifications, which lasts for as long as its client likes. */
const isFeed = (method: string | undefined, body: unknown): boolean =>
  method === 'GET' || (body as { readonly method?: unknown } | undefined)?.method === 'subscriptions/listen';
