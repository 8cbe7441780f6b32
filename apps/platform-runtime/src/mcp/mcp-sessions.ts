import { randomUUID } from 'node:crypto';
import { GolekError, type Principal } from '@golek/api';
import type { Log } from '@golek/plugins-api';
import { McpSession } from './mcp-session.ts';
import type { ConnectServer, McpConnection } from './golek-mcp-server.ts';

export interface McpSessionLimits {
  readonly maxSessions: number;
  readonly sessionIdleMs: number;
}

export interface McpSessionsOptions {
  readonly connect: ConnectServer;
  readonly callerOf: McpConnection['callerOf'];
  readonly limits: McpSessionLimits;
  /** A silent stream gets a comment so often, milliseconds. */
  readonly keepAliveMs: () => number;
  readonly log: Log;
}

/** The sessions of clients that speak a revision with sessions: bounded in number and in idle time, each for the one who began it. */
export class McpSessions {
  readonly #options: McpSessionsOptions;
  readonly #sessions = new Map<string, McpSession>();

  constructor(options: McpSessionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** The session that a request names. Undefined also for somebody else's: who guesses an id learns nothing. */
  find(id: string, principal: Principal): McpSession | undefined {
    const session = this.#sessions.get(id);
    return session?.belongsTo(principal) ? session : undefined;
  }

  /** Begins a session. When there are too many, the one that has been idle for longest ends; throws `overloaded` when every one is in use. */
  async open(principal: Principal): Promise<McpSession> {
    const { connect, callerOf, limits, keepAliveMs, log } = this.#options;
    if (this.#sessions.size >= limits.maxSessions) this.#endIdlest();
    const id = randomUUID();
    const session = new McpSession({
      id,
      principal,
      idleMs: limits.sessionIdleMs,
      keepAliveMs: keepAliveMs(),
      log,
      onEnd: () => this.#sessions.delete(id),
    });
    this.#sessions.set(id, session);
    await session.start(connect({ callerOf, tells: 'subscribed' }));
    return session;
  }

  /** Ends every session, and what runs in them. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#sessions.values(), (session) => session.end()));
  }

  #endIdlest(): void {
    const idle = [...this.#sessions.values()].filter(({ busy }) => !busy);
    const [first, ...others] = idle;
    if (!first) {
      const { maxSessions } = this.#options.limits;
      throw new GolekError(
        'overloaded',
        `all ${maxSessions} MCP sessions are in use; end one with DELETE, or raise mcp.maxSessions`,
        { retryAfter: 5 },
      );
    }
    const idlest = others.reduce((one, other) => (other.usedAt < one.usedAt ? other : one), first);
    this.#options.log.info({ session: idlest.id }, 'an idle MCP session was ended to make room for another');
    // At once, so that its place is free.
    this.#sessions.delete(idlest.id);
    void idlest.end();
  }
}
