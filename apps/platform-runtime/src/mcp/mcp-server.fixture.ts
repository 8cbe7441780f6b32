import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { FakeModel } from '@golek/providers-spi/testing';
import { onTestFinished } from 'vitest';
import { serve, type ServeOptions, type TestServer } from '../http/server.fixture.ts';
import { mcpRoutes } from './mcp-routes.ts';
import { McpService } from './mcp-service.ts';

export interface McpTestServer extends TestServer {
  readonly mcp: McpService;
  readonly address: URL;
  /** A client of the current SDK; `modern` speaks the revision without sessions. */
  connect(options?: ConnectOptions): Promise<ConnectedClient>;
}

export interface ConnectOptions {
  readonly modern?: boolean;
  readonly token?: string;
}

export interface ConnectedClient {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
}

export interface McpServeOptions extends ServeOptions {
  readonly maxSessions?: number;
  readonly sessionIdleMs?: number;
  readonly allowedOrigins?: readonly string[];
  readonly writeTimeoutMs?: number;
}

/** A server with `/mcp` over a real kernel with fake models, for the running test. */
export const serveMcp = async (
  models?: Readonly<Record<string, FakeModel>>,
  {
    maxSessions = 16,
    sessionIdleMs = 60_000,
    allowedOrigins = [],
    writeTimeoutMs = 10_000,
    ...options
  }: McpServeOptions = {},
): Promise<McpTestServer> => {
  const made = Promise.withResolvers<McpService>();
  const endpoint = async () => (await made.promise).endpoint();
  const server = await serve(models, {
    ...options,
    routes: mcpRoutes({ endpoint, allowedOrigins: () => allowedOrigins }),
  });
  const { engine, registry, sessions, usage, events } = server;
  const silent = () => undefined;
  const mcp = new McpService({
    host: {
      engine,
      models: registry,
      sessions,
      usage,
      events,
      life: () => ({ maxLoaded: Infinity, memoryBytes: 1024 ** 3 }),
      health: options.health ?? [],
      state: () => 'running',
      version: '0.0.0-test',
      preferred: () => undefined,
      log: { debug: silent, info: silent, warn: silent, error: silent },
    },
    sessions: { maxSessions, sessionIdleMs },
    limits: () => ({ heartbeatMs: 10_000, writeTimeoutMs }),
    readOverrides: () => ({}),
  });
  made.resolve(mcp);
  onTestFinished(() => mcp.close());
  const address = new URL('/mcp', server.url);
  return {
    ...server,
    mcp,
    address,
    connect: async ({ modern = false, token } = {}) => {
      const transport = new StreamableHTTPClientTransport(address, {
        requestInit: { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } },
      });
      const client = new Client(
        { name: 'test', version: '1.0.0' },
        { versionNegotiation: { mode: modern ? { pin: '2026-07-28' } : 'legacy' } },
      );
      await client.connect(transport);
      onTestFinished(() => client.close());
      return { client, transport };
    },
  };
};
