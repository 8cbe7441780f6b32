import Anthropic from '@anthropic-ai/sdk';
import { AnswerMessage, MessageStreamEvent } from '@golek/protocols/anthropic';
import type { FakeModel } from '@golek/providers-spi/testing';
import { describe, expect, test } from 'vitest';
import { serve } from '../server.fixture.ts';

const messages = [{ role: 'user' as const, content: 'hello' }];
const ask = { model: 'tiny', max_tokens: 100, messages };

const clientOf = (baseURL: string, apiKey = 'none'): Anthropic => new Anthropic({ baseURL, apiKey, maxRetries: 0 });

const serving = async (tiny: FakeModel = {}) => {
  const server = await serve({ tiny });
  return { ...server, client: clientOf(server.url) };
};

const failureOf = async (work: Promise<unknown>): Promise<InstanceType<typeof Anthropic.APIError>> => {
  const thrown = await work.then(
    () => 'an answer',
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(Anthropic.APIError);
  return thrown as InstanceType<typeof Anthropic.APIError>;
};

const WEATHER: FakeModel = {
  answer: (request) =>
    request.input.type === 'chat' && request.input.messages.some(({ role }) => role === 'tool')
      ? ['It is', ' 21 °C.']
      : [
          { type: 'reasoning', text: 'Where' },
          { type: 'reasoning', text: ' is it?' },
          'Let me see.',
          { type: 'tool-call', index: 0, id: 'call_1', name: 'weather', arguments: '' },
          { type: 'tool-call', index: 0, arguments: '{"city":' },
          { type: 'tool-call', index: 0, arguments: '"Bonn"}' },
          { type: 'tool-call', index: 1, id: 'call_2', name: 'weather', arguments: '{}' },
        ],
};

const tools: Anthropic.Tool[] = [
  { name: 'weather', input_schema: { type: 'object', properties: { city: { type: 'string' } } } },
];

describe('the official client', () => {
  test('a message', async () => {
    const { client } = await serving();
    const answer = await client.messages.create(ask);
    expect(answer).toMatchObject({
      type: 'message',
      role: 'assistant',
      model: 'tiny',
      content: [{ type: 'text', text: 'The answer is scripted.', citations: null }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: 5, output_tokens: 4, cache_read_input_tokens: 0 },
    });
    expect(answer.id).toBe(`msg_${answer._request_id ?? ''}`);
    const { _request_id: _, ...body } = answer;
    expect(AnswerMessage.parse(body)).toEqual(body);
  });

  test.each([
    ['tools and thinking', WEATHER, { tools }],
    ['a stop sequence', { answer: ['one', ' two', ' three'] }, { stop_sequences: [' t'] }],
    ['a limit', {}, { max_tokens: 2 }],
    ['no word', { answer: [] }, {}],
    ['a refusal', { answer: ['No', { type: 'warning', message: 'odd\nthing' }] }, {}],
  ] satisfies [string, FakeModel, object][])('a streamed answer is the unary one: %s', async (_, model, fields) => {
    const { client } = await serving(model);
    const unary = await client.messages.create({ ...ask, ...fields });
    const stream = client.messages.stream({ ...ask, ...fields });
    const events: Anthropic.MessageStreamEvent[] = [];
    stream.on('streamEvent', (event) => events.push(structuredClone(event)));
    const streamed = await stream.finalMessage();
    const comparable = ({ content, stop_reason, stop_sequence, usage }: Anthropic.Message): unknown =>
      JSON.parse(JSON.stringify({ content, stop_reason, stop_sequence, usage }));
    expect(comparable(streamed)).toEqual(comparable(unary));
    for (const event of events) expect(MessageStreamEvent.parse(event)).toEqual(event);
    expect(events.map(({ type }) => type).slice(-2)).toEqual(['message_delta', 'message_stop']);
  });

  test('the parts of an answer are blocks, and can be sent back as they came', async () => {
    const { client, provider } = await serving(WEATHER);
    const first = await client.messages.create({ ...ask, tools });
    expect(first.content).toEqual([
      { type: 'thinking', thinking: 'Where is it?', signature: '' },
      { type: 'text', text: 'Let me see.', citations: null },
      { type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Bonn' }, caller: { type: 'direct' } },
      { type: 'tool_use', id: 'call_2', name: 'weather', input: {}, caller: { type: 'direct' } },
    ]);
    expect(first.stop_reason).toBe('tool_use');
    const results = first.content.flatMap((block): Anthropic.ToolResultBlockParam[] =>
      block.type === 'tool_use' ? [{ type: 'tool_result', tool_use_id: block.id, content: '21 °C' }] : [],
    );
    const second = await client.messages.create({
      ...ask,
      tools,
      messages: [...messages, { role: 'assistant', content: first.content }, { role: 'user', content: results }],
    });
    expect(second.content).toMatchObject([{ type: 'text', text: 'It is 21 °C.' }]);
    expect(provider.stats.runs).toBe(2);
  });

  test('the runner of tools', async () => {
    const { client } = await serving(WEATHER);
    const asked: unknown[] = [];
    const final = await client.beta.messages.toolRunner({
      ...ask,
      tools: [
        {
          type: 'custom',
          name: 'weather',
          description: 'tells the weather',
          input_schema: { type: 'object', properties: { city: { type: 'string' } } },
          parse: (input: unknown) => input,
          run: (input: unknown) => {
            asked.push(input);
            return '21 °C';
          },
        },
      ],
    });
    expect(final.content).toMatchObject([{ text: 'It is 21 °C.' }]);
    expect(asked).toEqual([{ city: 'Bonn' }, {}]);
  });

  test('an abort ends the work', async () => {
    const { client, provider } = await serving({ hang: { at: 2 } });
    const stream = client.messages.stream(ask);
    const failed = failureOf(stream.finalMessage());
    await new Promise<void>((resolve) => stream.on('text', () => resolve()));
    stream.abort();
    expect(await failed).toBeInstanceOf(Anthropic.APIUserAbortError);
    await expect.poll(() => provider.stats.active).toBe(0);
  });

  test('counts tokens', async () => {
    const { client } = await serving();
    expect(await client.messages.countTokens({ model: 'tiny', messages, system: 'ab', tools })).toEqual({
      input_tokens: 8,
    });
    const { client: other } = await serving({ tasks: ['generate'] });
    const error = await failureOf(other.messages.countTokens({ model: 'tiny', messages }));
    expect([error.status, error.errorCode]).toEqual([400, 'unsupported']);
  });

  test('lists models, in pages', async () => {
    const { url } = await serve({ a: {}, b: {}, c: { contextLength: 512 } });
    const client = clientOf(url);
    const names: string[] = [];
    for await (const { id } of client.models.list({ limit: 2 })) names.push(id);
    expect(names).toEqual(['a', 'b', 'c']);
    const page = await client.models.list({ before_id: 'c', limit: 1 });
    expect(page).toMatchObject({ data: [{ id: 'b' }], has_more: true, first_id: 'b', last_id: 'b' });
    expect(await client.models.retrieve('c')).toMatchObject({
      type: 'model',
      id: 'c',
      created_at: '1970-01-01T00:00:00.000Z',
      max_input_tokens: 512,
    });
    expect((await failureOf(client.models.retrieve('d'))).status).toBe(404);
    expect((await failureOf(client.models.list({ after_id: 'x' }))).message).toContain(
      "'after_id' names the model 'x'",
    );
  });

  test('a silent stream gets pings, which the client reads over', async () => {
    const server = await serve({ tiny: { delayMs: 60 } }, { config: { heartbeatMs: 20 } });
    const text = await (await server.post('/v1/messages', { ...ask, stream: true })).text();
    expect(text).toContain('event: ping\ndata: {"type":"ping"}\n\n');
    expect(await clientOf(server.url).messages.stream(ask).finalText()).toBe('The answer is scripted.');
  });
});

test('to turn thinking off is no demand on a model that cannot be told to, and the answer says so', async () => {
  const { url } = await serve({ tiny: { options: ['input.chat', 'maxTokens'] } });
  const client = clientOf(url);
  const off = { ...ask, thinking: { type: 'disabled' } } as const;
  const warning = "'thinking' changed nothing: the model has no switch for it";
  expect(await client.messages.create(off)).toMatchObject({
    content: [{ type: 'text', text: 'The answer is scripted.' }],
    warnings: [warning],
  });
  expect(await client.messages.stream(off).finalText()).toBe('The answer is scripted.');
  expect(await client.messages.create(ask)).not.toHaveProperty('warnings');
});

/** The parts of a request by Claude Code that do not depend on what it is about. */
const CLAUDE_CODE = {
  model: 'tiny',
  max_tokens: 32_000,
  system: [
    { type: 'text', text: 'You are an agent.', cache_control: { type: 'ephemeral', ttl: '1h', scope: 'global' } },
  ],
  messages,
  tools: [{ name: 'Bash', description: 'Run it.', input_schema: { type: 'object' }, eager_input_streaming: true }],
  metadata: { user_id: '{"device_id":"a","session_id":"b"}' },
  thinking: { type: 'adaptive' },
  output_config: { effort: 'medium' },
  context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
} as const;

describe('what Claude Code sends to every model', () => {
  const headers = {
    'content-type': 'application/json',
    'anthropic-version': '2023-06-01',
    'anthropic-beta': 'claude-code-20250219,context-management-2025-06-27',
  };

  test.each<[string, FakeModel['options'] | undefined, object | undefined, string[]]>([
    ['a model that can be told all', undefined, { enabled: true, effort: 'medium' }, []],
    [
      'one that can be told whether to think',
      ['input.chat', 'tools', 'maxTokens', 'reasoning.enabled'],
      { enabled: true },
      ["'output_config.effort' changed nothing: the model cannot be told"],
    ],
    [
      'one that does not think',
      ['input.chat', 'tools', 'maxTokens'],
      undefined,
      [
        "'thinking' changed nothing: the model has no switch for it",
        "'output_config.effort' changed nothing: the model cannot be told",
      ],
    ],
  ])('is answered by %s', async (_, options, reasoning, warnings) => {
    const asked: unknown[] = [];
    const { post } = await serve({
      tiny: {
        ...(options && { options }),
        answer: ({ input }) => {
          asked.push(input.type === 'chat' ? input.reasoning : input);
          return ['Done.'];
        },
      },
    });
    const answer = await post('/v1/messages?beta=true', CLAUDE_CODE, { headers });
    expect(answer.status).toBe(200);
    const { content, warnings: told = [] } = AnswerMessage.parse(await answer.json());
    expect(content).toMatchObject([{ text: 'Done.' }]);
    expect(told).toEqual(warnings);
    const stream = await (await post('/v1/messages?beta=true', { ...CLAUDE_CODE, stream: true }, { headers })).text();
    expect(stream).toContain('event: message_stop');
    for (const warning of warnings) expect(stream).toContain(`: warning: ${warning}`);
    expect(asked).toEqual([reasoning, reasoning]);
  });
});

describe('failures', () => {
  test.each<[string, object, FakeModel, new (...args: never[]) => unknown, number, string, RegExp]>([
    ['model_not_found', { model: 'none' }, {}, Anthropic.NotFoundError, 404, 'not_found_error', /no model/],
    ['invalid_request', { max_tokens: 0 }, {}, Anthropic.BadRequestError, 400, 'invalid_request_error', /'max_tokens'/],
    ['unsupported', { container: 'c' }, {}, Anthropic.BadRequestError, 400, 'invalid_request_error', /'container'/],
    [
      'unsupported',
      { temperature: 1 },
      { options: ['input.chat', 'maxTokens'] },
      Anthropic.BadRequestError,
      400,
      'invalid_request_error',
      /does not support 'temperature'/,
    ],
    [
      'rate_limited',
      {},
      { fail: { at: 0, code: 'rate_limited', message: 'slow down', retryAfter: 3 } },
      Anthropic.RateLimitError,
      429,
      'rate_limit_error',
      /slow down/,
    ],
    [
      'overloaded',
      {},
      { fail: { at: 0, code: 'overloaded', message: 'too much' } },
      Anthropic.APIError,
      529,
      'overloaded_error',
      /too much/,
    ],
    [
      'provider_failed',
      {},
      { fail: { at: 0, code: 'provider_failed', message: 'broken' } },
      Anthropic.InternalServerError,
      502,
      'api_error',
      /broken/,
    ],
    [
      'deadline_exceeded',
      {},
      { fail: { at: 0, code: 'deadline_exceeded', message: 'late' } },
      Anthropic.APIError,
      504,
      'timeout_error',
      /late/,
    ],
  ])('%s, plain and before the first word of a stream', async (code, fields, model, kind, status, type, words) => {
    const { client } = await serving(model);
    const plain = await failureOf(client.messages.create({ ...ask, ...fields }));
    const streamed = await failureOf(client.messages.stream({ ...ask, ...fields }).finalMessage());
    for (const error of [plain, streamed]) {
      expect(error).toBeInstanceOf(kind);
      expect([error.status, error.type, error.errorCode]).toEqual([status, type, code]);
      expect(error.message).toMatch(words);
      expect(error.requestID).toMatch(/\S/);
    }
  });

  test('in the middle of a stream is its last event, without message_stop', async () => {
    const model: FakeModel = {
      delayMs: 20,
      fail: { at: 2, code: 'provider_failed', message: 'the engine is on fire' },
    };
    const { client, post } = await serving(model);
    const error = await failureOf(client.messages.stream(ask).finalMessage());
    expect([error.type, error.message]).toEqual(['api_error', expect.stringContaining('on fire')]);
    const text = await (await post('/v1/messages', { ...ask, stream: true })).text();
    expect(text).toMatch(/event: error\ndata: \{"type":"error",.*\}\n\n$/);
    expect(text).not.toContain('message_stop');
  });

  test('a call whose arguments are no JSON object is none; one that the limit cut is left out', async () => {
    const broken: FakeModel = {
      answer: ['Hm', { type: 'tool-call', index: 0, id: 'c', name: 'weather', arguments: '{"city":' }, '!'],
    };
    const { client, url } = await serving(broken);
    const error = await failureOf(client.messages.create({ ...ask, tools }));
    expect([error.status, error.message]).toEqual([502, expect.stringContaining("the tool 'weather'")]);
    const cut = await clientOf(url).messages.create({ ...ask, tools, max_tokens: 2 });
    expect(cut).toMatchObject({
      content: [{ text: 'Hm' }],
      stop_reason: 'max_tokens',
      warnings: [expect.stringContaining("'weather' is left out")],
    });
  });

  test('of the server itself are told to such a client in its form', async () => {
    const server = await serve({ tiny: {} }, { config: { adminToken: 'a-long-enough-token', bodyLimitBytes: 1000 } });
    const client = clientOf(server.url);
    const absent = await failureOf(client.messages.batches.list());
    expect([absent.status, absent.errorCode]).toEqual([404, 'route_not_found']);
    const large = await failureOf(client.messages.create({ ...ask, system: 'x'.repeat(2000) }));
    expect([large.status, large.type]).toEqual([413, 'request_too_large']);
    const version = await failureOf(client.messages.create(ask, { headers: { 'anthropic-version': '2023-01-01' } }));
    expect(version.message).toContain('send 2023-06-01 or 2026-10-21');
  });

  test('a key is looked at in either header', async () => {
    const adminToken = 'a-long-enough-token';
    const config = { adminToken, host: '127.0.0.1' };
    const authenticators = [
      {
        name: 'keys',
        authenticate: ({ headers }: { readonly headers: { readonly authorization?: string | undefined } }) =>
          headers.authorization === 'Bearer users-key'
            ? { id: 'user', tenant: 'default', scopes: ['inference' as const] }
            : undefined,
      },
    ];
    const { url } = await serve({ tiny: {} }, { config, authenticators });
    for (const key of [adminToken, 'users-key']) {
      expect((await clientOf(url, key).messages.create(ask)).stop_reason).toBe('end_turn');
      const older = new Anthropic({ baseURL: url, defaultHeaders: { 'x-api-key': key, authorization: null } });
      expect((await older.messages.create(ask)).stop_reason).toBe('end_turn');
    }
    const error = await failureOf(clientOf(url, 'wrong').messages.create(ask));
    expect(error).toBeInstanceOf(Anthropic.AuthenticationError);
    expect([error.type, error.errorCode]).toEqual(['authentication_error', 'unauthenticated']);
  });
});
