import { RpcErrorBody, rpcErrorBody } from '@golek/protocols/mcp';
import { z } from 'zod';
import type { ErrorForm } from '../http/wire-form.ts';
import type { Route, RouteMethod } from '../http/route.ts';
import { refuseForeignOrigin } from './foreign-origin.ts';
import type { McpEndpoint } from './mcp-endpoint.ts';

export const MCP_ERRORS: ErrorForm = { body: rpcErrorBody, schema: RpcErrorBody };

const RpcMessage = z
  .looseObject({
    jsonrpc: z.literal('2.0'),
    method: z.string().optional(),
    id: z.union([z.string(), z.number()]).optional(),
  })
  .meta({ id: 'RpcMessage' });

const SUMMARIES = {
  POST: 'A message to the MCP server (Model Context Protocol, streamable HTTP); the answer is an event stream or JSON.',
  GET: 'The stream of notifications of an MCP session, which the header Mcp-Session-Id names.',
  DELETE: 'End an MCP session, which the header Mcp-Session-Id names.',
} as const satisfies Partial<Record<RouteMethod, string>>;

export interface McpRouteDeps {
  /** Made with the first request: most servers have no client that speaks MCP. */
  readonly endpoint: () => Promise<Pick<McpEndpoint, 'handle'>>;
  /** What counts now. */
  readonly allowedOrigins: () => readonly string[];
}

/** The MCP server's path. */
export const mcpRoutes = ({ endpoint, allowedOrigins }: McpRouteDeps): Route[] =>
  (['POST', 'GET', 'DELETE'] as const).map((method) => ({
    method,
    path: '/mcp',
    scope: 'inference',
    errors: MCP_ERRORS,
    operation: {
      summary: SUMMARIES[method],
      tag: 'inference',
      ...(method === 'POST' && { request: RpcMessage, response: RpcMessage, chunk: RpcMessage }),
      ...(method === 'GET' && { response: RpcMessage, mediaType: 'text/event-stream' }),
    },
    handle: async (exchange) => {
      refuseForeignOrigin(exchange.request.headers, allowedOrigins());
      await (await endpoint()).handle(exchange);
    },
  }));
