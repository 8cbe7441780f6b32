import type { McpHostDeps } from './mcp-host.ts';
import type { McpEndpoint, McpEndpointOptions } from './mcp-endpoint.ts';

export interface McpServiceOptions extends Omit<McpEndpointOptions, 'connect' | 'models' | 'log'> {
  readonly host: McpHostDeps;
}

/** The MCP server of a platform: loaded when the first client comes, and ended with the platform. */
export class McpService {
  readonly #options: McpServiceOptions;
  #endpoint: Promise<McpEndpoint> | undefined;

  constructor(options: McpServiceOptions) {
    this.#options = options;
  }

  readonly endpoint = (): Promise<McpEndpoint> => (this.#endpoint ??= this.#load());

  /** Lets go of the clients that only listen; calls in progress are the engine's to end. */
  async endFeeds(): Promise<void> {
    (await this.#endpoint)?.endFeeds();
  }

  async close(): Promise<void> {
    await (await this.#endpoint)?.close();
  }

  async #load(): Promise<McpEndpoint> {
    const [{ McpEndpoint }, { McpHost }, { golekMcpServer }] = await Promise.all([
      import('./mcp-endpoint.ts'),
      import('./mcp-host.ts'),
      import('./golek-mcp-server.ts'),
    ]);
    const { host: deps, ...options } = this.#options;
    const host = new McpHost(deps);
    return new McpEndpoint({ ...options, connect: golekMcpServer(host), models: host.models, log: deps.log });
  }
}
