import { WebStandardStreamableHTTPServerTransport, type McpServer, type RequestId } from '@modelcontextprotocol/server';
import type { Principal } from '@golek/api';
import type { Log } from '@golek/plugins-api';
import { cancelledIn } from './cancelled-requests.ts';

export interface McpSessionOptions {
  readonly id: string;
  /** Who began it; nobody else may use it. */
  readonly principal: Principal;
  readonly idleMs: number;
  readonly keepAliveMs: number;
  readonly log: Log;
  /** Called once, when it is over. */
  readonly onEnd: () => void;
}

/** JSON-RPC has no code for it; clients ignore an answer to what they cancelled. */
const CANCELLED = { code: -32000, message: 'cancelled' };

/** One client's session over HTTP: a server of its own, on a transport that carries all its requests. */
export class McpSession {
  readonly id: string;
  /** When it was used last, `performance.now()`. */
  usedAt = performance.now();
  readonly #principal: Principal;
  readonly #transport: WebStandardStreamableHTTPServerTransport;
  readonly #idle: NodeJS.Timeout;
  #open = 0;

  constructor({ id, principal, idleMs, keepAliveMs, log, onEnd }: McpSessionOptions) {
    this.id = id;
    this.#principal = principal;
    this.#transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: () => id, keepAliveMs });
    this.#transport.onclose = () => {
      clearTimeout(this.#idle);
      onEnd();
    };
    this.#transport.onerror = (err) => log.debug({ session: id, err }, 'a message of an MCP session was not in order');
    this.#idle = setTimeout(() => {
      if (this.busy) return void this.#idle.refresh();
      log.debug({ session: id, idleMs }, 'an MCP session was idle for too long and has ended');
      void this.end();
    }, idleMs);
    this.#idle.unref();
  }

  /** True while a request or the stream of notifications is open. */
  get busy(): boolean {
    return this.#open > 0;
  }

  belongsTo({ id, tenant }: Principal): boolean {
    return this.#principal.id === id && this.#principal.tenant === tenant;
  }

  async start(server: McpServer): Promise<void> {
    await server.connect(this.#transport);
  }

  /** Answers one HTTP request; `send` writes the answer and resolves when it is written. A first request that is refused ends the session. */
  async serve(request: Request, body: unknown, send: (answer: Response) => Promise<void>): Promise<void> {
    this.#open += 1;
    try {
      const answer = await this.#transport.handleRequest(request, body === undefined ? {} : { parsedBody: body });
      for (const id of cancelledIn(body)) await this.#release(id);
      await send(answer);
    } finally {
      this.#open -= 1;
      this.usedAt = performance.now();
      this.#idle.refresh();
      if (this.#transport.sessionId === undefined) await this.end();
    }
  }

  /** Ends it with everything that runs in it. Idempotent. */
  end(): Promise<void> {
    return this.#transport.close();
  }

  /** A request that its client has cancelled is not answered: without this, its stream would stay open for as long as the session does. */
  async #release(requestId: RequestId): Promise<void> {
    this.#transport.closeSSEStream(requestId);
    // Nobody is there to read it: it makes the transport forget the request. Rejected for one that it does not know, which may be over already.
    await this.#transport.send({ jsonrpc: '2.0', id: requestId, error: CANCELLED }).catch(() => undefined);
  }
}
