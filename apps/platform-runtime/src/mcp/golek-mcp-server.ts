import { McpServer, ProtocolError, ProtocolErrorCode, type ServerContext } from '@modelcontextprotocol/server';
import type { InferenceEvent } from '@golek/api';
import { TextProgressMeter, wireTool } from '@golek/protocols/mcp';
import type { McpCaller } from './mcp-caller.ts';
import type { McpHost } from './mcp-host.ts';
import { serveResources } from './serve-resources.ts';

/** How a server is connected. */
export interface McpConnection {
  /** Who sent the message that is being handled. */
  readonly callerOf: (context: ServerContext) => McpCaller;
  /**
   * Whether the server itself tells its client of changes: `subscribed` to those who subscribed, `all` where what carries the messages knows who did,
   * `no` for a server that lives for one request only.
   */
  readonly tells: 'subscribed' | 'all' | 'no';
}

/** Makes the protocol's side of one connection. */
export type ConnectServer = (connection: McpConnection) => McpServer;

/** What takes the messages of a connection, below the SDK's own registry of tools: ours differ by caller. */
export type MessageServer = McpServer['server'];

const INSTRUCTIONS =
  "Local and remote models of a Golek server. 'chat' asks a language model, 'embed', 'rerank' and 'classify' work on texts; 'list_models' tells " +
  "which models there are. 'model' may be left out: the server then takes one that can do the task.";

const wireTools = new WeakMap<object, ReturnType<typeof wireTool>>();

/** Tells the client of an answer that is being written, where it asked for that. */
const progressOf = ({ mcpReq }: ServerContext): ((event: InferenceEvent) => Promise<void> | undefined) | undefined => {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return undefined;
  const meter = new TextProgressMeter();
  return (event) => {
    const progress = meter.add(event, performance.now());
    return progress && mcpReq.notify({ method: 'notifications/progress', params: { progressToken, ...progress } });
  };
};

/** Golek's tools and resources on one connection; they take the place of the SDK's handlers. */
export const golekMcpServer =
  (host: McpHost): ConnectServer =>
  ({ callerOf, tells }) => {
    const connected = new McpServer(
      { name: 'golek', title: 'Golek', version: host.version },
      {
        capabilities: {
          tools: { listChanged: false },
          resources: { subscribe: true, listChanged: true },
          completions: {},
        },
        instructions: INSTRUCTIONS,
        // Many models that come at once are one notification.
        debouncedNotificationMethods: ['notifications/resources/list_changed'],
      },
    );

    const { server } = connected;

    server.setRequestHandler('tools/list', (_request, context) => ({
      tools: host.toolsFor(callerOf(context).principal).map(({ definition }) => {
        const wire = wireTools.get(definition) ?? wireTool(definition);
        wireTools.set(definition, wire);
        return wire;
      }),
    }));

    server.setRequestHandler('tools/call', async ({ params }, context) => {
      const caller = callerOf(context);
      const tool = host.tool(params.name);
      if (!tool) {
        const hint = host.nearestTool(params.name, caller.principal);
        throw new ProtocolError(
          ProtocolErrorCode.InvalidParams,
          `no tool is named '${params.name.slice(0, 128)}'${hint === undefined ? '; tools/list shows what there is' : `; did you mean '${hint}'?`}`,
        );
      }
      const watch = progressOf(context);
      return host.call(tool, params.arguments, {
        caller,
        signal: AbortSignal.any([caller.signal, context.mcpReq.signal]),
        ...(watch && { watch }),
      });
    });

    serveResources(server, host, { callerOf, tells });
    return connected;
  };
