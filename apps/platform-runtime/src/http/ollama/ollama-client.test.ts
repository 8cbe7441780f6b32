import type { InferenceEvent, InferenceRequest } from '@golek/api';
import { Ollama, type ChatResponse, type GenerateResponse } from 'ollama';
import { describe, expect, test } from 'vitest';
import { serve, type TestServer } from '../server.fixture.ts';

const messages = [{ role: 'user', content: 'hello' }];
const ask = { model: 'tiny', messages };
const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

const clientOf = ({ url }: Pick<TestServer, 'url'>): Ollama => new Ollama({ host: url });

/** The requests that reach the engine. */
const watched = (
  answer: readonly (string | Extract<InferenceEvent, { type: 'warning' }>)[] = ['ok'],
): { readonly seen: InferenceRequest[]; readonly model: object } => {
  const seen: InferenceRequest[] = [];
  return {
    seen,
    model: {
      answer: (request: InferenceRequest) => {
        seen.push(request);
        return answer;
      },
    },
  };
};

describe('the official client', () => {
  test('chat', async () => {
    const server = await serve();
    const answer = await clientOf(server).chat({ ...ask });
    expect(answer).toMatchObject({
      model: 'tiny',
      message: { role: 'assistant', content: 'The answer is scripted.' },
      done: true,
      done_reason: 'stop',
      eval_count: 4,
    });
    expect(answer.total_duration).toBeGreaterThan(0);
    expect(answer.load_duration).toBeGreaterThan(0);
    expect(answer.load_duration).toBeLessThanOrEqual(answer.total_duration);
    expect(Date.parse(String(answer.created_at))).toBeGreaterThan(0);
    expect('warnings' in answer).toBe(false);
    // The engine of this test does not tell where its time went.
    expect('eval_duration' in answer || 'prompt_eval_duration' in answer || 'context' in answer).toBe(false);
    expect((await clientOf(server).chat({ ...ask })).load_duration).toBe(0);
  });

  test('a streamed chat is the whole one, with its statistics last', async () => {
    const server = await serve();
    const chunks: ChatResponse[] = [];
    for await (const chunk of await clientOf(server).chat({ ...ask, stream: true })) chunks.push(chunk);
    expect(chunks.map(({ message }) => message.content).join('')).toBe('The answer is scripted.');
    expect(chunks.map(({ done }) => done)).toEqual([false, false, false, false, true]);
    expect(chunks.at(-1)).toMatchObject({ done_reason: 'stop', eval_count: 4, message: { content: '' } });
  });

  test('a stream is the default of the protocol, as lines of JSON', async () => {
    const { post } = await serve();
    const response = await post('/api/chat', ask);
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    const lines = (await response.text()).trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as ChatResponse).done)).toEqual([false, false, false, false, true]);
  });

  test('generate: a template, a system message and a picture; raw and suffix without', async () => {
    const { seen, model } = watched();
    const client = clientOf(await serve({ tiny: model }));
    const chunks: GenerateResponse[] = [];
    const turn = { model: 'tiny', prompt: 'hi', system: 'be short', images: [PNG] };
    for await (const chunk of await client.generate({ ...turn, stream: true })) chunks.push(chunk);
    expect(chunks.map(({ response }) => response).join('')).toBe('ok');
    expect((await client.generate({ model: 'tiny', prompt: 'hi', raw: true })).response).toBe('ok');
    await client.generate({ model: 'tiny', prompt: 'a', suffix: 'b' });
    expect(seen.map((request) => request.task === 'generate' && request.input)).toEqual([
      {
        type: 'chat',
        messages: [
          { role: 'system', content: [{ type: 'text', text: 'be short' }] },
          {
            role: 'user',
            content: [
              { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: PNG.toString('base64') } },
              { type: 'text', text: 'hi' },
            ],
          },
        ],
      },
      { type: 'text', prompt: 'hi' },
      { type: 'text', prompt: 'a', suffix: 'b' },
    ]);
  });

  test('options, a schema and thinking reach the engine; what changes nothing is told', async () => {
    const { seen, model } = watched(['{}']);
    const client = clientOf(await serve({ tiny: model }));
    const answer = await client.chat({
      ...ask,
      format: { type: 'object' },
      think: 'high',
      options: { temperature: 0, top_k: 3, num_predict: 7, seed: -2, stop: ['x'], repeat_last_n: -1, num_ctx: 512 },
    });
    expect(seen[0]).toEqual({
      task: 'generate',
      model: 'tiny',
      input: {
        type: 'chat',
        messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
        reasoning: { effort: 'high' },
      },
      sampling: { temperature: 0, topK: 3, seed: 0xfffffffe },
      maxTokens: 7,
      stop: ['x'],
      output: { type: 'json-schema', schema: { type: 'object' } },
    });
    expect(answer).toMatchObject({ warnings: [expect.stringContaining("'options.num_ctx' changed nothing")] });
  });

  test('thinking comes apart, and to turn it off is no demand', async () => {
    const { seen, model } = watched();
    const server = await serve({
      tiny: { answer: [{ type: 'reasoning', text: 'hm' }, 'yes'] },
      plain: { ...model, options: ['input.chat'] },
    });
    const client = clientOf(server);
    expect((await client.chat({ ...ask, think: true })).message).toEqual({
      role: 'assistant',
      content: 'yes',
      thinking: 'hm',
    });
    const thoughts: (string | undefined)[] = [];
    for await (const { thinking } of await client.generate({ model: 'tiny', prompt: 'a', think: true, stream: true }))
      thoughts.push(thinking);
    expect(thoughts).toEqual(['hm', undefined, undefined]);
    expect(await client.chat({ ...ask, model: 'plain', think: false })).toMatchObject({
      message: { content: 'ok' },
      warnings: ["'think': false changed nothing: the model has no switch for it"],
    });
    expect(seen).toHaveLength(1);
    await expect(client.chat({ ...ask, model: 'plain', think: true })).rejects.toMatchObject({
      status_code: 400,
      error: "model 'plain' does not support 'think'",
    });
  });

  test('tools: calls come whole, and results find theirs without an id', async () => {
    const big = '{"id":12345678901234567890,\n"city":"Bonn"}';
    const requests: InferenceRequest[] = [];
    const server = await serve({
      tiny: {
        answer: (request) => {
          requests.push(request);
          return request.input.type === 'chat' && request.input.messages.at(-1)?.role === 'tool'
            ? ['It is 21 °C.']
            : [
                { type: 'tool-call', index: 0, id: 'call_a', name: 'weather', arguments: '' },
                { type: 'tool-call', index: 0, arguments: big.slice(0, 9) },
                { type: 'tool-call', index: 0, arguments: big.slice(9) },
                { type: 'tool-call', index: 1, id: 'call_b', name: 'time', arguments: '' },
              ];
        },
      },
    });
    const tools = [
      { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } },
      { type: 'function', function: { name: 'time', description: 'tells the time' } },
    ];
    const client = clientOf(server);
    const chunks: ChatResponse[] = [];
    for await (const chunk of await client.chat({ ...ask, tools, stream: true })) chunks.push(chunk);
    const streamed = chunks.flatMap(({ message }) => message.tool_calls ?? []);
    const { message } = await client.chat({ ...ask, tools });
    expect(message.tool_calls).toEqual(streamed);
    expect(streamed.map((call) => call.function.name)).toEqual(['weather', 'time']);
    // What the client sends back: its types have no ids.
    const told = message.tool_calls?.map((call) => ({
      function: { name: call.function.name, arguments: call.function.arguments },
    }));
    const second = await client.chat({
      ...ask,
      tools,
      messages: [
        ...messages,
        { role: 'assistant', content: '', tool_calls: told ?? [] },
        { role: 'tool', content: 'noon', tool_name: 'time' },
        { role: 'tool', content: '21', tool_name: 'weather' },
      ],
    });
    expect(second.message.content).toBe('It is 21 °C.');
    const last = requests.at(-1);
    const results = last?.task === 'generate' && last.input.type === 'chat' ? last.input.messages.slice(-2) : [];
    expect(results).toMatchObject([{ toolCallId: 'call_1_1' }, { toolCallId: 'call_1_0' }]);
    const raw = await (await server.post('/api/chat', { ...ask, tools, stream: false })).text();
    expect(raw).toContain('"arguments":{"id":12345678901234567890, "city":"Bonn"}');
  });

  test('a call that the limit cuts is left out and told', async () => {
    const call = { type: 'tool-call', index: 0, id: 'c', name: 'weather', arguments: '{"city' } as const;
    const server = await serve({ tiny: { answer: [call, 'never'] } });
    const limited = { ...ask, options: { num_predict: 1 } };
    const told = ["the call of the tool 'weather' is left out: the limit of tokens cut its arguments"];
    const whole = await clientOf(server).chat(limited);
    expect(whole).toMatchObject({ done_reason: 'length', warnings: told });
    expect(whole.message.tool_calls).toBeUndefined();
    const chunks: ChatResponse[] = [];
    for await (const chunk of await clientOf(server).chat({ ...limited, stream: true })) chunks.push(chunk);
    expect(chunks).toMatchObject([{ done: true, done_reason: 'length', warnings: told }]);
    await expect(clientOf(server).chat({ ...ask })).rejects.toMatchObject({ status_code: 502 });
  });

  test('log-probabilities', async () => {
    const { logprobs } = await clientOf(await serve()).chat({ ...ask, logprobs: true, top_logprobs: 1 });
    expect(logprobs?.map(({ token }) => token).join('')).toBe('The answer is scripted.');
    expect(logprobs?.[0]?.top_logprobs).toHaveLength(1);
  });

  test('embed: one text, several, dimensions; embeddings', async () => {
    const client = clientOf(await serve());
    const one = await client.embed({ model: 'tiny', input: 'a' });
    const several = await client.embed({ model: 'tiny', input: ['a', 'b'], dimensions: 8 });
    expect(one.embeddings[0]).toHaveLength(16);
    expect(one.prompt_eval_count).toBeGreaterThan(0);
    expect(several.embeddings.map(({ length }) => length)).toEqual([8, 8]);
    const { embedding } = await client.embeddings({ model: 'tiny', prompt: 'a' });
    expect(embedding).toEqual(one.embeddings[0]);
  });

  test('list, show and version', async () => {
    const server = await serve({
      tiny: { options: ['input.chat', 'tools', 'suffix'] },
      embedder: { tasks: ['embed'] },
    });
    server.registry.alias('default', 'tiny');
    const client = clientOf(server);
    const { models } = await client.list();
    expect(models.map(({ name, model }) => [name, model])).toEqual([
      ['tiny', 'tiny'],
      ['embedder', 'embedder'],
      ['default', 'default'],
    ]);
    expect(models.every(({ digest }) => /^[0-9a-f]{64}$/.test(digest))).toBe(true);
    await client.chat({ ...ask, model: 'default:latest' });
    const shown = await client.show({ model: 'tiny:latest' });
    expect(shown.capabilities).toEqual(['completion', 'embedding', 'tools', 'insert']);
    expect((await client.show({ model: 'embedder' })).capabilities).toEqual(['embedding']);
    await expect(client.show({ model: 'tinny' })).rejects.toMatchObject({
      status_code: 404,
      error: "no model or alias named 'tinny'; did you mean 'tiny'?",
    });
    expect((await client.version()).version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test('aborting a stream ends the run', async () => {
    const server = await serve({ tiny: { answer: ['a', 'b'], hang: { at: 1 } } });
    const client = clientOf(server);
    const stream = await client.generate({ model: 'tiny', prompt: 'a', stream: true });
    const reading = (async () => {
      for await (const chunk of stream) if (chunk.response === 'a') client.abort();
    })();
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
    await expect.poll(() => [server.provider.stats.active, server.engine.inFlight]).toEqual([0, 0]);
  });

  test('what this server cannot do is refused with what to do in its place', async () => {
    const client = clientOf(await serve());
    for (const [work, words] of [
      [() => client.pull({ model: 'llama3' }), 'models.folders'],
      [() => client.push({ model: 'tiny' }), "copy the model's file"],
      [() => client.create({ model: 'mine', from: 'tiny' }), 'models.list'],
      [() => client.copy({ source: 'tiny', destination: 'mine' }), 'golek routes set'],
      [() => client.delete({ model: 'tiny' }), 'models.list'],
    ] as const) {
      await expect(work()).rejects.toMatchObject({ status_code: 501, error: expect.stringContaining(words) });
    }
  });
});

describe('its errors', () => {
  test.each([
    ['wrong value', { options: { temperature: -1 } }, 400, 'invalid_request', "'options.temperature' is invalid"],
    ['refused option', { options: { mirostat: 1 } }, 400, 'unsupported', "'options.mirostat' is not supported"],
    ['unknown key', { mesages: [] }, 400, 'unknown_parameter', "did you mean 'messages'"],
    ['unknown model', { model: 'none' }, 404, 'model_not_found', "named 'none'"],
    ['no such option', { model: 'plain', options: { top_p: 0.5 } }, 400, 'unsupported', "'options.top_p'"],
    ['keep-alive', { keep_alive: 'soon' }, 400, 'invalid_request', "'keep_alive' is 'soon'; give a duration"],
    ['picture', { messages: [{ role: 'user', images: ['aGVsbG8='] }] }, 400, 'invalid_request', 'is no PNG'],
    ['orphan result', { messages: [{ role: 'tool', content: 'x' }] }, 400, 'invalid_request', 'every call before it'],
    ['too long', { model: 'short' }, 400, 'context_length_exceeded', 'tokens of 2'],
  ])('%s', async (_name, fields, status, code, words) => {
    const { post } = await serve({ tiny: {}, plain: { options: ['input.chat'] }, short: { contextLength: 2 } });
    for (const stream of [true, false]) {
      const response = await post('/api/chat', { ...ask, ...fields, stream });
      expect(response.status).toBe(status);
      expect(await response.json()).toEqual({ error: expect.stringContaining(words), code });
    }
  });

  test.each([
    [{ template: '{{ .Prompt }}' }, "'template' '{{ .Prompt }}' is not supported: the model's own template is used"],
    [{ context: [1, 2] }, "'context' is not supported: answers have none; send the conversation as messages"],
    [{ raw: true, system: 'x' }, "'raw' has no place for 'system'"],
    [{ suffix: 'b', think: true }, "leave 'suffix' out"],
    [{ top_logprobs: 2 }, "needs 'logprobs'"],
    [{ width: 512 }, "'width' is not supported"],
  ])('of generate: %o', async (fields, words) => {
    const { post } = await serve();
    const response = await post('/api/generate', { model: 'tiny', prompt: 'a', ...fields });
    expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([
      400,
      expect.stringContaining(words),
    ]);
  });

  test('after the stream has begun, the error is its last line', async () => {
    const server = await serve({ tiny: { fail: { at: 2, code: 'engine_crashed', message: 'the engine is gone' } } });
    const reading = (async () => {
      for await (const _ of await clientOf(server).chat({ ...ask, stream: true }));
    })();
    await expect(reading).rejects.toThrow('the engine is gone');
    const lines = (await (await server.post('/api/chat', ask)).text()).trimEnd().split('\n');
    expect(lines.slice(0, -1).every((line) => !(JSON.parse(line) as ChatResponse).done)).toBe(true);
    expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ error: 'the engine is gone', code: 'engine_crashed' });
  });
});

describe('the life of a model', () => {
  test('an empty prompt loads it, and keep_alive 0 unloads it', async () => {
    const server = await serve({ tiny: { memoryBytes: 1000 } });
    const client = clientOf(server);
    expect((await client.ps()).models).toEqual([]);
    expect(await client.generate({ model: 'tiny', prompt: '', keep_alive: '10m' })).toMatchObject({
      done: true,
      done_reason: 'load',
      response: '',
    });
    const [loaded] = (await client.ps()).models;
    expect(loaded).toMatchObject({ name: 'tiny', size: 1000, context_length: 4096 });
    const left = Date.parse(String(loaded?.expires_at)) - Date.now();
    expect([left > 500_000, left <= 600_000]).toEqual([true, true]);
    expect(await client.chat({ model: 'tiny', keep_alive: 0 })).toMatchObject({ done_reason: 'unload' });
    expect((await client.ps()).models).toEqual([]);
    expect(server.provider.stats.openSessions).toBe(0);
    expect((await client.embed({ model: 'tiny', input: '' })).embeddings).toEqual([]);
    expect(server.provider.stats.openSessions).toBe(1);
  });

  test('a request says how long the model stays after it', async () => {
    const server = await serve();
    const client = clientOf(server);
    await client.chat({ ...ask, keep_alive: -1 });
    const [kept] = (await client.ps()).models;
    expect(new Date(String(kept?.expires_at)).getFullYear()).toBeGreaterThan(2300);
    await client.chat({ ...ask, keep_alive: 0 });
    await expect.poll(() => server.provider.stats.openSessions).toBe(0);
  });

  test('is not for callers who may not administer the server', async () => {
    const server = await serve(
      { tiny: {} },
      {
        authenticators: [
          { name: 'users', authenticate: () => ({ id: 'u', tenant: 't', scopes: ['inference'], models: ['tiny'] }) },
        ],
      },
    );
    const client = clientOf(server);
    expect(await client.chat({ ...ask, keep_alive: '1h' })).toMatchObject({
      warnings: [expect.stringContaining("'keep_alive' changed nothing: it needs the scope 'admin'")],
    });
    await expect(client.generate({ model: 'tiny', prompt: '', keep_alive: 0 })).rejects.toMatchObject({
      status_code: 403,
    });
    await expect(client.generate({ model: 'other', prompt: '' })).rejects.toMatchObject({ status_code: 404 });
    expect((await client.ps()).models.map(({ name }) => name)).toEqual(['tiny']);
  });
});

describe('probes', () => {
  test('the root answers GET and HEAD', async () => {
    const { url } = await serve();
    const response = await fetch(url);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8']);
    expect(await response.text()).toBe('Ollama is running');
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${url}/api/tags`, { method: 'HEAD' })).status).toBe(200);
  });

  test("a body without a media type is read, but not from another site's page", async () => {
    const { post } = await serve();
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const sent = { ...ask, stream: false };
    expect((await post('/api/chat', sent, { headers: form })).status).toBe(200);
    const fromPage = await post('/api/chat', sent, { headers: { ...form, origin: 'https://evil.example' } });
    expect([fromPage.status, await fromPage.json()]).toEqual([
      415,
      { error: expect.stringContaining('send the body as application/json'), code: 'unsupported_media_type' },
    ]);
  });
});
