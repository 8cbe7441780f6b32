import { once } from 'node:events';
import { createConnection } from 'node:net';
import { Client as ClassicClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as ClassicTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { serveMcp, type McpTestServer } from './mcp-server.fixture.ts';

// The machine may be busy with other tests.
vi.setConfig({ testTimeout: 60_000 });
const poll = <T>(value: () => T | Promise<T>) => expect.poll(value, { timeout: 20_000 });

const ADMIN_TOKEN = 'a-token-of-many-characters';
const MODELS = {
  tiny: { answer: ['Once', ' upon', ' a time'] },
  slow: { answer: ['never', ' ends'], hang: { at: 1 } },
  judge: { tasks: ['rerank', 'classify'] as const },
};

const INFERENCE_TOOLS = ['chat', 'embed', 'rerank', 'classify', 'list_models'];
const ADMIN_TOOLS = ['server_status', 'load_model', 'unload_model', 'list_requests', 'cancel_request'];

const active = (server: McpTestServer) => server.provider.stats.active;

const rpc = (server: McpTestServer, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  fetch(server.address, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};

const beginSession = async (server: McpTestServer, headers: Readonly<Record<string, string>> = {}): Promise<string> => {
  const response = await rpc(server, INITIALIZE, headers);
  await response.text();
  expect(response.status).toBe(200);
  return response.headers.get('mcp-session-id') ?? '';
};

const callSlow = (id: number) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: 'chat', arguments: { model: 'slow', prompt: 'Go.' } },
});

describe.each([{ modern: false }, { modern: true }])('the current SDK (modern: $modern)', ({ modern }) => {
  it('lists tools and resources, calls a model and reads what it is', async () => {
    const server = await serveMcp(MODELS);
    const { client } = await server.connect({ modern });
    expect(client.getServerVersion()).toMatchObject({ name: 'golek', version: '0.0.0-test' });
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([...INFERENCE_TOOLS, ...ADMIN_TOOLS]);
    const result = await client.callTool({ name: 'chat', arguments: { model: 'tiny', prompt: 'Hi', max_tokens: 9 } });
    expect(result).toMatchObject({
      content: [{ type: 'text', text: 'Once upon a time' }],
      structuredContent: {
        model: 'tiny',
        text: 'Once upon a time',
        finish_reason: 'stop',
        usage: { completion_tokens: 3 },
      },
    });
    const { resources } = await client.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual([
      'golek://models',
      'golek://status',
      'golek://models/tiny',
      'golek://models/slow',
      'golek://models/judge',
    ]);
    const { contents } = await client.readResource({ uri: 'golek://models/tiny' });
    expect(JSON.parse((contents[0] as { text: string }).text)).toMatchObject({ name: 'tiny', state: 'ready' });
    const { completion } = await client.complete({
      ref: { type: 'ref/resource', uri: 'golek://models/{name}' },
      argument: { name: 'name', value: 't' },
    });
    expect(completion).toEqual({ values: ['tiny'], total: 1, hasMore: false });
  });

  it('sends the text in pieces to whoever asks for progress', async () => {
    const server = await serveMcp({ tiny: { answer: ['Once', ' upon', ' a time'], delayMs: 60 } });
    const { client } = await server.connect({ modern });
    const pieces: { progress: number; message?: string | undefined }[] = [];
    await client.callTool(
      { name: 'chat', arguments: { prompt: 'Hi' } },
      { onprogress: ({ progress, message }) => pieces.push({ progress, message }) },
    );
    // The SDK drops a piece that it reads together with the result.
    expect(pieces[0]).toEqual({ progress: 4, message: 'Once' });
    expect('Once upon a time'.startsWith(pieces.map(({ message }) => message).join(''))).toBe(true);
  });

  it('frees the run of a call that the client cancels, and goes on', async () => {
    const server = await serveMcp(MODELS);
    const { client } = await server.connect({ modern });
    const controller = new AbortController();
    const call = client.callTool(
      { name: 'chat', arguments: { model: 'slow', prompt: 'Go.' } },
      { signal: controller.signal },
    );
    await poll(() => active(server)).toBe(1);
    controller.abort('enough');
    await expect(call).rejects.toThrow();
    await poll(() => active(server)).toBe(0);
    expect(server.engine.inFlight).toBe(0);
    expect((await client.listTools()).tools).not.toEqual([]);
  });

  it('tells of models that come and go, and how one does', async () => {
    const server = await serveMcp(MODELS);
    const { client } = await server.connect({ modern });
    let lists = 0;
    const updated: string[] = [];
    client.setNotificationHandler('notifications/resources/list_changed', () => void (lists += 1));
    client.setNotificationHandler('notifications/resources/updated', ({ params }) => void updated.push(params.uri));
    if (modern) {
      await client.listen({ resourcesListChanged: true, resourceSubscriptions: ['golek://models/tiny'] });
    } else {
      await client.subscribeResource({ uri: 'golek://models/tiny' });
    }
    // The stream of notifications is opened beside: what happens before is told to nobody.
    await poll(() => {
      server.events.publish({ type: 'model.registered', model: 'new', provider: 'fake' });
      return lists;
    }).toBeGreaterThan(0);
    server.events.publish({ type: 'model.loading', model: 'slow', provider: 'fake' });
    server.events.publish({ type: 'model.loading', model: 'tiny', provider: 'fake' });
    await poll(() => updated).toContain('golek://models/tiny');
    expect(updated).not.toContain('golek://models/slow');
  });
});

describe('the classic SDK', () => {
  const connect = async (server: McpTestServer): Promise<ClassicClient> => {
    const client = new ClassicClient({ name: 'classic', version: '1.0.0' });
    await client.connect(new ClassicTransport(server.address));
    onTestFinished(() => client.close());
    return client;
  };

  it('finds every result in order with its schema, and reads and completes', async () => {
    const server = await serveMcp(MODELS);
    const client = await connect(server);
    // Keeps the output schemas, against which each result is checked from now on.
    await client.listTools();
    expect(
      await client.callTool({
        name: 'chat',
        arguments: { messages: [{ role: 'user', content: 'Hi' }], model: 'tiny' },
      }),
    ).toMatchObject({
      structuredContent: { text: 'Once upon a time' },
    });
    const embedded = await client.callTool({ name: 'embed', arguments: { input: ['a', 'b'] } });
    expect((embedded.structuredContent as { embeddings: number[][] }).embeddings.map(({ length }) => length)).toEqual([
      16, 16,
    ]);
    const ranked = await client.callTool({
      name: 'rerank',
      arguments: { query: 'q', documents: ['x', 'yy', 'zzz'], top: 2 },
    });
    expect(ranked.structuredContent).toMatchObject({ model: 'judge', results: [{ index: expect.any(Number) }, {}] });
    const labelled = await client.callTool({ name: 'classify', arguments: { input: 'good', top: 1 } });
    expect(labelled.structuredContent).toMatchObject({ results: [{ labels: [{ label: expect.any(String) }] }] });
    expect(await client.callTool({ name: 'list_models', arguments: { task: 'rerank' } })).toMatchObject({
      structuredContent: { models: [{ name: 'judge', provider: 'fake' }] },
    });
    for (const name of ['server_status', 'list_requests']) {
      expect(await client.callTool({ name, arguments: {} })).not.toHaveProperty('isError');
    }
    expect((await client.readResource({ uri: 'golek://models' })).contents).toHaveLength(1);
    expect((await client.listResourceTemplates()).resourceTemplates).toMatchObject([
      { uriTemplate: 'golek://models/{name}' },
    ]);
  });

  it('is told what is wrong with a call, with code and remedy', async () => {
    const server = await serveMcp({
      ...MODELS,
      bad: { fail: { at: 0, code: 'provider_failed', message: 'the model broke' } },
    });
    const client = await connect(server);
    const failure = async (name: string, args: Record<string, unknown>): Promise<string> => {
      const result = await client.callTool({ name, arguments: args });
      expect(result).toMatchObject({ isError: true });
      return (result.content as { text: string }[])[0]?.text ?? '';
    };
    expect(await failure('chat', { promt: 'Hi' })).toBe(
      "unknown key 'promt'; did you mean 'prompt'? (unknown_parameter). Remove the named parameter or correct its spelling.",
    );
    expect(await failure('chat', { prompt: 'Hi', messages: [{ role: 'user', content: 'Hi' }] })).toContain(
      'exclude each other',
    );
    expect(await failure('chat', {})).toContain("'prompt' is missing");
    expect(await failure('chat', { prompt: 'Hi', temperature: -1 })).toMatch(
      /^'temperature' is invalid: .*\(got -1\) \(invalid_request\)/,
    );
    expect(await failure('chat', { model: 'tinny', prompt: 'Hi' })).toContain("did you mean 'tiny'? (model_not_found)");
    expect(await failure('chat', { model: 'bad', prompt: 'Hi' })).toContain('the model broke (provider_failed)');
    expect(await failure('embed', { model: 'judge', input: 'a' })).toContain('(unsupported)');
    expect(await failure('load_model', { model: 'tinny' })).toContain("did you mean 'tiny'?");
    await expect(client.callTool({ name: 'chatt', arguments: {} })).rejects.toThrow(
      "no tool is named 'chatt'; did you mean 'chat'?",
    );
    await expect(client.readResource({ uri: 'golek://models/nix' })).rejects.toThrow("'golek://models/nix'");
    await expect(client.readResource({ uri: 'file:///etc/passwd' })).rejects.toThrow('no resource has the address');
    expect(active(server)).toBe(0);
  });
});

describe('administration', () => {
  it('is neither listed nor callable nor readable without the scope', async () => {
    const server = await serveMcp(MODELS, { config: { adminToken: ADMIN_TOKEN } });
    const anyone = await server.connect();
    expect((await anyone.client.listTools()).tools.map(({ name }) => name)).toEqual(INFERENCE_TOOLS);
    expect((await anyone.client.listResources()).resources.map(({ uri }) => uri)).not.toContain('golek://status');
    await expect(anyone.client.readResource({ uri: 'golek://status' })).rejects.toThrow('no resource');
    await expect(anyone.client.subscribeResource({ uri: 'golek://status' })).rejects.toThrow('no resource');
    expect(await anyone.client.callTool({ name: 'unload_model', arguments: { model: 'tiny' } })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining("needs the scope 'admin'") as string }],
    });
    const administrator = await server.connect({ token: ADMIN_TOKEN });
    expect((await administrator.client.listTools()).tools.map(({ name }) => name)).toEqual([
      ...INFERENCE_TOOLS,
      ...ADMIN_TOOLS,
    ]);
  });

  it('loads and unloads a model, shows a request in progress and ends it', async () => {
    const server = await serveMcp(MODELS);
    const { client } = await server.connect();
    const other = await server.connect();
    expect(await client.callTool({ name: 'load_model', arguments: { model: 'tiny', keepAlive: '5m' } })).toMatchObject({
      structuredContent: { name: 'tiny', state: 'ready' },
    });
    expect(await client.callTool({ name: 'unload_model', arguments: { model: 'tiny' } })).toMatchObject({
      structuredContent: { name: 'tiny', state: 'unloaded' },
    });
    const running = other.client.callTool({ name: 'chat', arguments: { model: 'slow', prompt: 'Go.' } });
    await poll(() => active(server)).toBe(1);
    const listed = await client.callTool({ name: 'list_requests', arguments: {} });
    const { requests, total } = listed.structuredContent as { requests: { id: string }[]; total: number };
    expect(total).toBe(1);
    expect(requests).toMatchObject([{ protocol: 'mcp', task: 'generate', model: 'slow', tenant: 'default' }]);
    const { id } = requests[0] ?? { id: '' };
    expect(await client.callTool({ name: 'cancel_request', arguments: { id } })).toMatchObject({
      structuredContent: { id, cancelled: 1 },
    });
    expect(await running).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('(cancelled)') as string }],
    });
    expect(active(server)).toBe(0);
    expect((await client.callTool({ name: 'server_status', arguments: {} })).structuredContent).toMatchObject({
      state: 'running',
      inFlight: 0,
      usage: { slow: { failed: 1 } },
    });
  });
});

describe('sessions', () => {
  it('are several, each with its own calls, and end with DELETE', async () => {
    const server = await serveMcp(MODELS);
    const clients = await Promise.all([server.connect(), server.connect(), server.connect()]);
    const endpoint = await server.mcp.endpoint();
    expect(endpoint.sessions).toBe(3);
    const answers = await Promise.all(
      clients.map(({ client }) => client.callTool({ name: 'chat', arguments: { model: 'tiny', prompt: 'Hi' } })),
    );
    expect(answers.map(({ isError }) => isError)).toEqual([undefined, undefined, undefined]);
    await clients[0].transport.terminateSession();
    expect(endpoint.sessions).toBe(2);
  });

  it('of another caller, or ended ones, are not found', async () => {
    const server = await serveMcp(MODELS, { config: { adminToken: ADMIN_TOKEN } });
    const session = await beginSession(server, { authorization: `Bearer ${ADMIN_TOKEN}` });
    const ping = { jsonrpc: '2.0', id: 2, method: 'ping' };
    const stolen = await rpc(server, ping, { 'mcp-session-id': session });
    expect(stolen.status).toBe(404);
    expect(await stolen.json()).toMatchObject({ jsonrpc: '2.0', id: null, error: { code: -32001 } });
    const own = await rpc(server, ping, { 'mcp-session-id': session, authorization: `Bearer ${ADMIN_TOKEN}` });
    expect(own.status).toBe(200);
    await own.text();
    const none = await rpc(server, ping);
    expect(none.status).toBe(400);
    expect(await none.json()).toMatchObject({
      error: { message: expect.stringContaining('send initialize') as string },
    });
  });

  it('make room when they are idle, and are refused when all are in use', async () => {
    const server = await serveMcp(MODELS, { maxSessions: 2 });
    const first = await beginSession(server);
    const second = await beginSession(server);
    const endpoint = await server.mcp.endpoint();
    const third = await beginSession(server);
    expect(endpoint.sessions).toBe(2);
    expect((await rpc(server, { jsonrpc: '2.0', id: 2, method: 'ping' }, { 'mcp-session-id': first })).status).toBe(
      404,
    );
    const leaving = new AbortController();
    const streams = await Promise.all(
      [second, third].map((id) =>
        fetch(server.address, {
          headers: { accept: 'text/event-stream', 'mcp-session-id': id },
          signal: leaving.signal,
        }),
      ),
    );
    expect(streams.map(({ status }) => status)).toEqual([200, 200]);
    const refused = await rpc(server, INITIALIZE);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(await refused.json()).toMatchObject({ error: { data: { code: 'overloaded' } } });
    leaving.abort();
    await poll(async () => (await rpc(server, INITIALIZE)).status).toBe(200);
  });

  it('end when they are idle for too long, but not while a call runs', async () => {
    const server = await serveMcp(MODELS, { sessionIdleMs: 1_000 });
    const session = await beginSession(server);
    const endpoint = await server.mcp.endpoint();
    const running = await rpc(server, callSlow(7), { 'mcp-session-id': session });
    await poll(() => active(server)).toBe(1);
    await beginSession(server);
    await poll(() => endpoint.sessions).toBe(1);
    expect(active(server)).toBe(1);
    await running.body?.cancel();
    await poll(() => endpoint.sessions).toBe(0);
    expect(active(server)).toBe(0);
  });

  it('that end abort what runs in them', async () => {
    const server = await serveMcp(MODELS);
    const session = await beginSession(server);
    const running = await rpc(server, callSlow(7), { 'mcp-session-id': session });
    await poll(() => active(server)).toBe(1);
    const ended = await fetch(server.address, { method: 'DELETE', headers: { 'mcp-session-id': session } });
    expect(ended.status).toBe(200);
    await running.text();
    await poll(() => active(server)).toBe(0);
  });
});

describe('connections', () => {
  it('carry every piece of an answer that is streamed, then the whole', async () => {
    const server = await serveMcp({ tiny: { answer: ['Once', ' upon', ' a time'], delayMs: 60 } });
    const session = await beginSession(server);
    const params = { name: 'chat', arguments: { prompt: 'Hi' }, _meta: { progressToken: 'p' } };
    const response = await rpc(
      server,
      { jsonrpc: '2.0', id: 5, method: 'tools/call', params },
      { 'mcp-session-id': session },
    );
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const messages = [...(await response.text()).matchAll(/^data: (.*)$/gm)].map(
      ([, data = '']) =>
        JSON.parse(data) as { method?: string; id?: number; params?: { progress: number; message: string } },
    );
    const told = messages
      .filter(({ method }) => method === 'notifications/progress')
      .map(({ params: progress }) => progress);
    expect(told.map((one) => one?.message).join('')).toBe('Once upon a time');
    expect(told.at(-1)?.progress).toBe('Once upon a time'.length);
    expect(messages.at(-1)).toMatchObject({ id: 5, result: { structuredContent: { text: 'Once upon a time' } } });
  });

  it('that break abort the call', async () => {
    const server = await serveMcp(MODELS);
    const session = await beginSession(server);
    const leaving = new AbortController();
    const response = await fetch(server.address, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-session-id': session,
      },
      body: JSON.stringify(callSlow(7)),
      signal: leaving.signal,
    });
    expect(response.status).toBe(200);
    await poll(() => active(server)).toBe(1);
    leaving.abort();
    await poll(() => active(server)).toBe(0);
    expect(server.engine.inFlight).toBe(0);
  });

  it('whose client reads nothing are cut, and the call with them', async () => {
    const big = { answer: Array<string>(200).fill('x'.repeat(200_000)), delayMs: 10, hang: { at: 190 } };
    const server = await serveMcp({ big }, { writeTimeoutMs: 200 });
    const session = await beginSession(server);
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 9,
      method: 'tools/call',
      params: { name: 'chat', arguments: { prompt: 'Go.' }, _meta: { progressToken: 'p' } },
    });
    const socket = createConnection(Number(server.address.port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    const closed = once(socket, 'close');
    socket.on('error', () => undefined).pause();
    socket.write(
      `POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\n` +
        `mcp-session-id: ${session}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await poll(() => active(server)).toBe(1);
    // The model hangs at its end: only the cut ends the run.
    await poll(() => active(server)).toBe(0);
    socket.resume();
    await closed;
    expect((await rpc(server, { jsonrpc: '2.0', id: 10, method: 'ping' }, { 'mcp-session-id': session })).status).toBe(
      200,
    );
  });

  it('of a cancelled call are closed although the session lasts', async () => {
    const server = await serveMcp(MODELS);
    const session = await beginSession(server);
    const response = await rpc(server, callSlow(7), { 'mcp-session-id': session });
    await poll(() => active(server)).toBe(1);
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } };
    expect((await rpc(server, cancelled, { 'mcp-session-id': session })).status).toBe(202);
    // Ends: without an answer, as the protocol wants it.
    expect(await response.text()).toBe('');
    await poll(() => active(server)).toBe(0);
  });

  it('are refused to pages from elsewhere, and granted to local ones and those of the configuration', async () => {
    const server = await serveMcp(MODELS, { allowedOrigins: ['https://tools.example.com'] });
    const from = async (origin: string): Promise<number> => (await rpc(server, INITIALIZE, { origin })).status;
    expect(await from('https://evil.example.com')).toBe(403);
    expect(await from('null')).toBe(403);
    expect(await from('http://localhost:6274')).toBe(200);
    expect(await from('https://tools.example.com')).toBe(200);
  });

  it('give pages from elsewhere no tools that administer the server without a token', async () => {
    const allowedOrigins = ['https://tools.example.com'];
    const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' };
    const toolsFor = async (server: McpTestServer, headers: Readonly<Record<string, string>>): Promise<string[]> => {
      const session = await beginSession(server, headers);
      const text = await (await rpc(server, list, { ...headers, 'mcp-session-id': session })).text();
      return [...INFERENCE_TOOLS, ...ADMIN_TOOLS].filter((name) => text.includes(`"name":"${name}"`));
    };
    const server = await serveMcp(MODELS, { allowedOrigins });
    expect(await toolsFor(server, { origin: 'https://tools.example.com' })).toEqual(INFERENCE_TOOLS);
    expect(await toolsFor(server, { origin: 'http://localhost:6274' })).toEqual([...INFERENCE_TOOLS, ...ADMIN_TOOLS]);
    const guarded = await serveMcp(MODELS, { allowedOrigins: ['*'], config: { adminToken: ADMIN_TOKEN } });
    const authorized = { origin: 'https://tools.example.com', authorization: `Bearer ${ADMIN_TOKEN}` };
    expect(await toolsFor(guarded, authorized)).toEqual([...INFERENCE_TOOLS, ...ADMIN_TOOLS]);
  });

  it('get JSON-RPC errors for what is no message, and for what is too large', async () => {
    const server = await serveMcp(MODELS, { config: { bodyLimitBytes: 4096 } });
    const refused = async (body: unknown, headers?: Readonly<Record<string, string>>) => {
      const response = await rpc(server, body, headers);
      const { error } = (await response.json()) as { error: { code: number; data?: { code: string } } };
      return [response.status, error.code, error.data?.code];
    };
    expect(await refused('{')).toEqual([400, -32700, 'invalid_json']);
    expect(await refused('{}', { 'content-type': 'text/plain' })).toEqual([415, -32600, 'unsupported_media_type']);
    expect(await refused({ ...INITIALIZE, padding: 'x'.repeat(5000) })).toEqual([413, -32000, 'request_too_large']);
    expect((await refused(INITIALIZE, { accept: 'application/json' }))[0]).toBe(406);
    expect((await server.mcp.endpoint()).sessions).toBe(0);
    const head = await fetch(server.address, { method: 'HEAD' });
    expect(head.status).toBe(400);
    const put = await fetch(server.address, { method: 'PUT' });
    expect(put.status).toBe(405);
  });

  it('need the credentials that all of the server needs', async () => {
    const server = await serveMcp(MODELS, {
      authenticators: [{ name: 'nobody', authenticate: () => undefined }],
    });
    const response = await rpc(server, INITIALIZE);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toContain('Bearer');
    expect(await response.json()).toMatchObject({ jsonrpc: '2.0', error: { data: { code: 'unauthenticated' } } });
  });

  it('that only listen are let go when the server stops', async () => {
    const server = await serveMcp(MODELS);
    const session = await beginSession(server);
    const listening = await fetch(server.address, {
      headers: { accept: 'text/event-stream', 'mcp-session-id': session },
    });
    await server.mcp.endFeeds();
    expect(await listening.text()).toBe('');
  });
});
