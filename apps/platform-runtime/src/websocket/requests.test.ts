import type { InferenceRequest, Principal } from '@golek/api';
import type { InferenceCall } from '@golek/plugins-api';
import { describe, expect, test } from 'vitest';
import { serveSockets, socketUrl, TestClient } from './websocket.fixture.ts';

test('a chat: started, deltas, finished', async () => {
  const { url } = await serveSockets();
  const client = await TestClient.open(url);
  expect(client.ws.protocol).toBe('golek.v1');
  client.chat('a', {}, { headers: { 'x-request-id': 'mine-1' } });
  await client.end('a');
  expect(client.messages).toEqual([
    {
      type: 'started',
      id: 'a',
      request_id: 'mine-1',
      model: 'tiny',
      route: { name: 'tiny', reasons: expect.any(Array) as unknown, failed: [] },
    },
    { type: 'delta', id: 'a', choice: 0, text: 'The' },
    { type: 'delta', id: 'a', choice: 0, text: ' answer' },
    { type: 'delta', id: 'a', choice: 0, text: ' is' },
    { type: 'delta', id: 'a', choice: 0, text: ' scripted.' },
    {
      type: 'finished',
      id: 'a',
      choices: [{ index: 0, finish_reason: 'stop' }],
      usage: { prompt_tokens: 5, completion_tokens: 4, total_tokens: 9 },
    },
  ]);
});

test('what changes nothing is told', async () => {
  const { url } = await serveSockets();
  const client = await TestClient.open(url);
  client.chat('a', { store: true });
  await client.end('a');
  expect(client.messages.filter(({ type }) => type === 'warning')).toEqual([
    { type: 'warning', id: 'a', message: expect.stringContaining("'store' changed nothing") as string },
  ]);
});

test("Node's own client, without a subprotocol", async () => {
  const { url } = await serveSockets();
  const ws = new globalThis.WebSocket(socketUrl(url));
  const text = await new Promise<string>((resolve, reject) => {
    let all = '';
    ws.onopen = () =>
      ws.send(JSON.stringify({ type: 'start', id: 'a', task: 'complete', request: { model: 'tiny', prompt: 'x' } }));
    ws.onmessage = ({ data }) => {
      const message = JSON.parse(String(data)) as { type: string; text?: string };
      if (message.type === 'finished') resolve(all);
      all += message.text ?? '';
    };
    ws.onerror = () => reject(new Error('the socket failed'));
  });
  expect(text).toBe('The answer is scripted.');
  ws.close();
  await new Promise((resolve) => (ws.onclose = resolve));
});

test('twenty requests side by side on one socket', async () => {
  const answer = (request: { input: object }): string[] => {
    const name = /n\d+/.exec(JSON.stringify(request.input))?.[0] ?? '';
    return Array.from({ length: 12 }, (_, step) => `${name}.${step} `);
  };
  const { url, engine } = await serveSockets({ tiny: { answer, delayMs: 2 } });
  const client = await TestClient.open(url);
  const ids = Array.from({ length: 20 }, (_, n) => `n${n}`);
  for (const id of ids) client.chat(id, { messages: [{ role: 'user', content: id }] });
  await Promise.all(ids.map((id) => client.end(id)));
  for (const id of ids) {
    expect(client.textOf(id)).toBe(Array.from({ length: 12 }, (_, step) => `${id}.${step} `).join(''));
    expect(await client.end(id)).toMatchObject({ type: 'finished' });
  }
  // Side by side, not one after the other: each had its first delta before any had its last.
  const deltas = client.messages.flatMap((message) => (message.type === 'delta' ? [message.id] : []));
  const lastOfFirst = Math.min(...ids.map((id) => deltas.lastIndexOf(id)));
  expect(Math.max(...ids.map((id) => deltas.indexOf(id)))).toBeLessThan(lastOfFirst);
  expect(engine.inFlight).toBe(0);
});

describe('other tasks', () => {
  test('what changes nothing of several prompts is told once', async () => {
    const { url } = await serveSockets();
    const client = await TestClient.open(url);
    const stream_options = { continuous_usage_stats: true };
    const request = { model: 'tiny', prompt: ['x', 'y'], stream: true, stream_options };
    client.send({ type: 'start', id: 'a', task: 'complete', request });
    await client.end('a');
    expect(client.messages.filter(({ type }) => type === 'warning')).toHaveLength(1);
  });

  test('several prompts and answers', async () => {
    const { url } = await serveSockets({ tiny: { answer: (_request, choice) => [`c${choice}`] } });
    const client = await TestClient.open(url);
    client.send({ type: 'start', id: 'a', task: 'complete', request: { model: 'tiny', prompt: ['x', 'y'], n: 2 } });
    expect(await client.end('a')).toMatchObject({
      choices: [0, 1, 2, 3].map((index) => ({ index, finish_reason: 'stop' })),
    });
    expect(client.messages.filter(({ type }) => type === 'started')).toHaveLength(1);
    const texts = client.messages.flatMap((message) =>
      message.type === 'delta' && 'text' in message ? [[message.choice, message.text]] : [],
    );
    expect(texts.sort()).toEqual([
      [0, 'c0'],
      [1, 'c1'],
      [2, 'c0'],
      [3, 'c1'],
    ]);
  });

  test('vectors, scores and labels, as over HTTP', async () => {
    const { url, post } = await serveSockets({ tiny: { tasks: ['embed', 'rerank', 'classify'] } });
    const client = await TestClient.open(url);
    const asked = {
      embed: { model: 'tiny', input: ['x', 'y'] },
      rerank: { model: 'tiny', query: 'q', documents: ['a', 'b', 'q'], top_n: 2 },
      classify: { model: 'tiny', input: ['good', 'bad'] },
    };
    for (const [task, request] of Object.entries(asked)) client.send({ type: 'start', id: task, task, request });
    const json = async (path: string, body: object) =>
      (await post(path, body)).json() as Promise<Record<string, unknown[]>>;
    await Promise.all(Object.keys(asked).map((id) => client.end(id)));
    const of = (id: string, type: string) =>
      client.messages.filter((message) => message.type === type && 'id' in message && message.id === id);
    const embeddings = (await json('/v1/embeddings', asked.embed))['data'] as { embedding: number[]; index: number }[];
    expect(of('embed', 'embedding')).toEqual(
      embeddings.map(({ embedding, index }) => ({ type: 'embedding', id: 'embed', index, embedding })),
    );
    expect(of('rerank', 'scores')).toEqual([
      { type: 'scores', id: 'rerank', results: (await json('/v1/rerank', asked.rerank))['results'] },
    ]);
    const labels = (await json('/v1/classify', asked.classify))['data'] as { index: number; predictions: object[] }[];
    expect(of('classify', 'labels')).toEqual(
      labels.map(({ index, predictions }) => ({ type: 'labels', id: 'classify', index, predictions })),
    );
    for (const id of Object.keys(asked)) expect(await client.end(id)).toMatchObject({ type: 'finished', usage: {} });
  });
});

describe('failures are the end of their request only', () => {
  test('in the middle of an answer, with the other requests going on', async () => {
    const { url } = await serveSockets({
      tiny: {
        answer: ['a', 'b', 'c'],
        delayMs: 5,
        fail: { at: 1, when: 'bad', code: 'engine_crashed', message: 'gone' },
      },
    });
    const client = await TestClient.open(url);
    client.chat('good');
    client.chat('bad', { messages: [{ role: 'user', content: 'bad' }] });
    expect(await client.end('bad')).toMatchObject({
      type: 'error',
      code: 'engine_crashed',
      message: 'gone',
      retryable: true,
      request_id: expect.stringMatching(/^req_/) as unknown,
    });
    expect(client.textOf('bad')).toBe('a');
    expect(await client.end('good')).toMatchObject({ type: 'finished' });
    expect(client.textOf('good')).toBe('abc');
  });

  test('of one prompt among several', async () => {
    const { url, provider } = await serveSockets({
      tiny: { fail: { at: 1, when: 'bad', code: 'engine_crashed', message: 'gone' }, hang: { at: 1, when: 'good' } },
    });
    const client = await TestClient.open(url);
    client.send({ type: 'start', id: 'a', task: 'complete', request: { model: 'tiny', prompt: ['good', 'bad'] } });
    expect(await client.end('a')).toMatchObject({ code: 'engine_crashed' });
    await expect.poll(() => provider.stats.active).toBe(0);
  });

  test('named as over HTTP', async () => {
    const { url, post } = await serveSockets();
    const client = await TestClient.open(url);
    for (const [index, fields] of [
      { temperature: 'hot' },
      { tempeature: 1 },
      { model: 'tinny' },
      { messages: [] },
      { audio: {} },
    ].entries()) {
      const body = { model: 'tiny', messages: [{ role: 'user', content: 'x' }], ...fields };
      const { error } = (await (await post('/v1/chat/completions', body)).json()) as { error: Record<string, unknown> };
      client.chat(String(index), body);
      const { code, message, param } = (await client.end(String(index))) as unknown as Record<string, unknown>;
      expect({ code, message, param }).toEqual({
        code: error['code'],
        message: error['message'],
        param: error['param'],
      });
    }
  });

  test('a time limit', async () => {
    const { url, engine } = await serveSockets({ tiny: { hang: { at: 1 } } });
    const client = await TestClient.open(url);
    client.chat('a', {}, { headers: { 'x-golek-timeout-ms': '30' } });
    expect(await client.end('a')).toMatchObject({
      code: 'deadline_exceeded',
      message: expect.stringMatching(/30 ms/) as unknown,
    });
    expect(engine.inFlight).toBe(0);
  });
});

describe('cancel', () => {
  test('in the middle of an answer', async () => {
    const { url, engine, provider } = await serveSockets({ tiny: { answer: ['a', 'b'], hang: { at: 2 } } });
    const client = await TestClient.open(url);
    client.chat('a');
    await client.get('delta', 'a');
    client.send({ type: 'cancel', id: 'a' });
    expect(await client.end('a')).toMatchObject({ code: 'cancelled', message: "the request 'a' was cancelled" });
    await expect.poll(() => [engine.inFlight, provider.stats.active]).toEqual([0, 0]);
    // The id is free again.
    client.messages.length = 0;
    client.chat('a');
    await client.get('delta', 'a');
  });

  test('of what is not there is told, and ends nothing', async () => {
    const { url } = await serveSockets();
    const client = await TestClient.open(url);
    client.send({ type: 'cancel', id: 'a' });
    expect(await client.get('warning')).toMatchObject({
      id: 'a',
      message: expect.stringMatching(/no request 'a' is in progress/) as unknown,
    });
  });

  test.each(['close', 'terminate'] as const)('of everything when the client leaves (%s)', async (leave) => {
    const { url, engine, provider } = await serveSockets({ tiny: { hang: { at: 1 } } });
    const client = await TestClient.open(url);
    client.chat('a');
    client.chat('b');
    await client.get('started', 'b');
    expect(engine.inFlight).toBe(2);
    client.ws[leave]();
    await expect.poll(() => [engine.inFlight, provider.stats.active]).toEqual([0, 0]);
  });
});

describe('tool results', () => {
  const calls = [
    { type: 'tool-call' as const, index: 0, id: 'call_1', name: 'weather', arguments: '{"city":' },
    { type: 'tool-call' as const, index: 0, arguments: '"Bonn"}' },
  ];
  const isTold = (request: { input: object }): boolean => JSON.stringify(request.input).includes('call_1');
  const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }];
  const results = [{ tool_call_id: 'call_1', content: '21 °C' }];
  const seen: InferenceRequest[] = [];
  const model = {
    answer: (request: InferenceRequest & { input: object }) => {
      seen.push(request);
      return isTold(request) ? ['It is', ' 21 °C.'] : calls;
    },
  };

  test('a round without sending the conversation again; then another start under the same id', async () => {
    seen.length = 0;
    const { url } = await serveSockets({ tiny: model });
    const client = await TestClient.open(url);
    client.chat('a', { tools, temperature: 0.5, tool_choice: 'required' });
    expect(await client.end('a')).toMatchObject({
      choices: [{ finish_reason: 'tool_calls' }],
      awaits_tool_results: true,
    });
    client.messages.length = 0;
    client.send({ type: 'tool_result', id: 'a', results, tool_choice: 'auto' });
    expect(await client.end('a')).toMatchObject({ type: 'finished', choices: [{ finish_reason: 'stop' }] });
    expect(client.textOf('a')).toBe('It is 21 °C.');
    expect(seen[1]).toMatchObject({
      sampling: { temperature: 0.5 },
      input: {
        toolChoice: { type: 'auto' },
        messages: [
          { role: 'user' },
          { role: 'assistant', toolCalls: [{ id: 'call_1', name: 'weather', arguments: '{"city":"Bonn"}' }] },
          { role: 'tool', toolCallId: 'call_1', content: [{ type: 'text', text: '21 °C' }] },
        ],
      },
    });
    // The round is over.
    client.messages.length = 0;
    client.send({ type: 'tool_result', id: 'a', results });
    expect(await client.end('a')).toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/no conversation 'a' waits for tool results/) as unknown,
    });
  });

  test('results that do not fit leave the round open', async () => {
    const { url } = await serveSockets({ tiny: model });
    const client = await TestClient.open(url);
    client.chat('a', { tools });
    await client.end('a');
    client.messages.length = 0;
    client.send({ type: 'tool_result', id: 'a', results: [{ tool_call_id: 'call_2', content: '' }] });
    expect(await client.end('a')).toMatchObject({ code: 'invalid_request', param: 'results[0].tool_call_id' });
    client.messages.length = 0;
    client.send({ type: 'tool_result', id: 'a', results });
    expect(await client.end('a')).toMatchObject({ type: 'finished' });
  });

  test('no more conversations are kept than allowed: the oldest goes, and one that is too large never stays', async () => {
    const { url } = await serveSockets({ tiny: model }, { maxConversations: 2, maxConversationBytes: 4096 });
    const client = await TestClient.open(url);
    for (const id of ['a', 'b', 'c']) {
      client.chat(id, { tools });
      expect(await client.end(id)).toMatchObject({ awaits_tool_results: true });
    }
    client.chat('large', { tools, messages: [{ role: 'user', content: 'x'.repeat(5000) }] });
    expect(await client.end('large')).not.toHaveProperty('awaits_tool_results');
    client.messages.length = 0;
    for (const id of ['a', 'b', 'large']) client.send({ type: 'tool_result', id, results });
    expect(await client.end('a')).toMatchObject({ code: 'conflict' });
    expect(await client.end('large')).toMatchObject({ code: 'conflict' });
    expect(await client.end('b')).toMatchObject({ type: 'finished' });
  });

  test('they are kept for a while only', async () => {
    const { url } = await serveSockets({ tiny: model }, { conversationMs: 20 });
    const client = await TestClient.open(url);
    client.chat('a', { tools });
    expect(await client.end('a')).toMatchObject({ awaits_tool_results: true });
    await expect
      .poll(async () => {
        client.messages.length = 0;
        client.send({ type: 'tool_result', id: 'a', results: [{ tool_call_id: 'call_2', content: '' }] });
        return client.end('a');
      })
      .toMatchObject({ code: 'conflict' });
  });
});

test('hints, trace and protocol reach the call; those of the handshake count where a message has no other', async () => {
  const seen: InferenceCall[] = [];
  const watch = {
    phase: 'OBSERVABILITY' as const,
    name: 'test.calls',
    observe: (call: InferenceCall) => {
      seen.push(call);
      return {};
    },
  };
  const { url } = await serveSockets({ tiny: {} }, {}, { phases: [watch] });
  const client = await TestClient.open(url, { headers: { 'x-golek-priority': '3', 'x-golek-sticky': 'k' } });
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`;
  client.chat('a', {}, { headers: { traceparent, 'x-golek-priority': '-1' } });
  client.chat('b');
  await Promise.all([client.end('a'), client.end('b')]);
  expect(seen).toMatchObject([
    { protocol: 'websocket', priority: -1, hints: { sticky: 'k' }, trace: { traceId: 'a'.repeat(32) } },
    { protocol: 'websocket', priority: 3, hints: { sticky: 'k' } },
  ]);
  client.chat('c', {}, { headers: { 'x-golek-priority': '99' } });
  expect(await client.end('c')).toMatchObject({ code: 'invalid_request', param: 'x-golek-priority' });
});

test('every request asks again whether its credentials are known', async () => {
  let known: Principal | undefined = { id: 'ada', tenant: 'acme', scopes: ['inference'] };
  const authenticate = (): Principal | undefined => known;
  const { url } = await serveSockets({ tiny: {} }, {}, { authenticators: [{ name: 'keys', authenticate }] });
  const client = await TestClient.open(url);
  client.chat('a');
  expect(await client.end('a')).toMatchObject({ type: 'finished' });
  known = undefined;
  client.chat('b');
  expect(await client.end('b')).toMatchObject({ code: 'unauthenticated' });
});

test('a bug in the server is told without its cause, and logged with it', async () => {
  const readOverrides = (): never => {
    throw new TypeError('secret');
  };
  const { url, lines } = await serveSockets({ tiny: {} }, {}, { readOverrides });
  const client = await TestClient.open(url);
  client.chat('a', {}, { headers: { 'x-golek-config': 'a=b' } });
  expect(await client.end('a')).toMatchObject({
    code: 'internal',
    message: expect.stringMatching(/its log has the cause/) as unknown,
  });
  expect(lines.find(({ level }) => level === 'error')).toMatchObject({
    message: 'a request failed in the WebSocket server',
  });
});
