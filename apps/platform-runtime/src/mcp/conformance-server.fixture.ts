import { setTimeout as sleep } from 'node:timers/promises';
import {
  ProtocolError,
  ProtocolErrorCode,
  McpServer,
  type CallToolResult,
  type ServerContext,
} from '@modelcontextprotocol/server';
import type { ConnectServer } from './golek-mcp-server.ts';

/** One red pixel. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
/** A header without a sample. */
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=';

const NO_ARGUMENTS = { type: 'object' as const };

const text = (value: string) => ({ type: 'text' as const, text: value });
const image = { type: 'image' as const, data: PNG, mimeType: 'image/png' };
const resource = (uri: string, mimeType: string, value: string) => ({
  type: 'resource' as const,
  resource: { uri, mimeType, text: value },
});

type Run = (context: ServerContext) => CallToolResult | Promise<CallToolResult>;

const progressing: Run = async ({ mcpReq }) => {
  const progressToken = mcpReq._meta?.progressToken;
  for (const progress of [0, 50, 100]) {
    if (progressToken !== undefined) {
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
    }
    await sleep(20);
  }
  return { content: [text('done')] };
};

/** The tools that the conformance suite asks a server for, by name. */
const TOOLS: Readonly<Record<string, Run>> = {
  test_simple_text: () => ({ content: [text('This is a simple text response for testing.')] }),
  test_image_content: () => ({ content: [image] }),
  test_audio_content: () => ({ content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }] }),
  test_embedded_resource: () => ({ content: [resource('test://embedded-resource', 'text/plain', 'Embedded.')] }),
  test_multiple_content_types: () => ({
    content: [text('Multiple:'), image, resource('test://mixed-content-resource', 'application/json', '{"value":123}')],
  }),
  test_error_handling: () => ({
    isError: true,
    content: [text('This tool intentionally returns an error for testing')],
  }),
  test_tool_with_progress: progressing,
  json_schema_2020_12_tool: () => ({ content: [text('checked')] }),
};

const SCHEMA_2020_12 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object' as const,
  $defs: { address: { type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
  properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
  additionalProperties: false,
};

const contentsOf = (uri: string) => {
  const template = /^test:\/\/template\/([^/]+)\/data$/.exec(uri);
  if (template)
    return { uri, mimeType: 'application/json', text: JSON.stringify({ id: template[1], templateTest: true }) };
  if (uri === 'test://static-text') return { uri, mimeType: 'text/plain', text: 'This is a static text resource.' };
  if (uri === 'test://static-binary') return { uri, mimeType: 'image/png', blob: PNG };
  throw new ProtocolError(ProtocolErrorCode.InvalidParams, `no resource ${uri}`);
};

/** What the conformance suite expects to find on a server, so that its scenarios try the transport and the sessions that Golek's tools are served on. */
export const conformanceServer: ConnectServer = () => {
  const connected = new McpServer(
    { name: 'conformance', version: '1.0.0' },
    { capabilities: { tools: {}, resources: { subscribe: true }, completions: {} } },
  );
  const { server } = connected;
  server.setRequestHandler('tools/list', () => ({
    tools: Object.keys(TOOLS).map((name) => ({
      name,
      description: name,
      inputSchema: name === 'json_schema_2020_12_tool' ? SCHEMA_2020_12 : NO_ARGUMENTS,
    })),
  }));
  server.setRequestHandler('tools/call', ({ params: { name } }, context) => {
    const run = TOOLS[name];
    if (run) return run(context);
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, `no tool ${name}`);
  });
  server.setRequestHandler('resources/list', () => ({
    resources: [{ uri: 'test://static-text', name: 'static-text', mimeType: 'text/plain' }],
  }));
  server.setRequestHandler('resources/read', ({ params: { uri } }) => ({ contents: [contentsOf(uri)] }));
  server.setRequestHandler('resources/subscribe', () => ({}));
  server.setRequestHandler('resources/unsubscribe', () => ({}));
  server.setRequestHandler('completion/complete', () => ({
    completion: { values: ['paris', 'park'], total: 2, hasMore: false },
  }));
  return connected;
};
