import { ResponseObject, ResponseStreamEvent } from '@golek/protocols/openai-responses';
import type { FakeModel } from '@golek/providers-spi/testing';
import OpenAI from 'openai';
import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { serve } from '../server.fixture.ts';

type Item = OpenAI.Responses.ResponseInputItem;

const clientOf = (url: string, apiKey = 'none'): OpenAI => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });

const serving = async (tiny: FakeModel = {}) => {
  const server = await serve({ tiny });
  return { ...server, client: clientOf(server.url) };
};

const ask = { model: 'tiny', input: 'hello' };

const failureOf = async (work: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> => {
  const thrown = await work.then(
    () => 'an answer',
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(OpenAI.APIError);
  return thrown as InstanceType<typeof OpenAI.APIError>;
};

const weather = {
  type: 'function' as const,
  name: 'weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
  strict: false,
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
          { type: 'tool-call', index: 1, id: 'call_2', name: 'weather', arguments: '{' },
          { type: 'tool-call', index: 0, arguments: '{"city":"Bonn"}' },
          { type: 'tool-call', index: 1, arguments: '"city":"Ulm"}' },
        ],
};

/** What a run says of itself, without ids and times. */
const comparable = ({ output, usage, status, incomplete_details }: OpenAI.Responses.Response): unknown =>
  JSON.parse(
    JSON.stringify({ output, usage, status, incomplete_details }, (key, value: unknown) =>
      key === 'id' || key === 'parsed' || key === 'parsed_arguments' ? undefined : value,
    ),
  );

const eventsOf = async (client: OpenAI, fields: object): Promise<OpenAI.Responses.ResponseStreamEvent[]> => {
  const events: OpenAI.Responses.ResponseStreamEvent[] = [];
  await take(events, client, fields);
  return events;
};
const take = async (events: unknown[], client: OpenAI, fields: object): Promise<void> => {
  const stream = await client.responses.create({ ...ask, ...fields, stream: true });
  for await (const event of stream) events.push(event);
};

describe('the official client', () => {
  test('a response', async () => {
    const { client } = await serving();
    const response = await client.responses.create({ ...ask, metadata: { k: 'v' }, temperature: 0.5 });
    expect(response).toMatchObject({
      object: 'response',
      status: 'completed',
      model: 'tiny',
      output_text: 'The answer is scripted.',
      output: [{ type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text' }] }],
      usage: { output_tokens: 4, output_tokens_details: { reasoning_tokens: 0 } },
      metadata: { k: 'v' },
      temperature: 0.5,
      error: null,
      store: true,
    });
    expect(response.id).toMatch(/^resp_[0-9a-f]{32}$/);
    const { output_text: _text, _request_id: _id, ...body } = response;
    expect(ResponseObject.parse(body)).toEqual(body);
  });

  test.each([
    ['text', {}, {}],
    ['parts of every kind', WEATHER, { tools: [weather] }],
    ['a limit', {}, { max_output_tokens: 2 }],
    ['no word', { answer: [] }, {}],
    ['a warning', { answer: ['No', { type: 'warning', message: 'odd\nthing' }] }, {}],
  ] satisfies [string, FakeModel, object][])('a streamed response is the plain one: %s', async (_, model, fields) => {
    const { client } = await serving(model);
    const plain = await client.responses.create({ ...ask, ...fields });
    const streamed = await client.responses.stream({ ...ask, ...fields }).finalResponse();
    expect(comparable(streamed)).toEqual(comparable(plain));
    const events = await eventsOf(client, fields);
    for (const event of events) expect(ResponseStreamEvent.parse(event)).toEqual(event);
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_event, index) => index));
    expect(events.slice(0, 2).map(({ type }) => type)).toEqual(['response.created', 'response.in_progress']);
    const last = events.at(-1);
    expect(last?.type).toBe(`response.${String(plain.status)}`);
    expect(last && 'response' in last ? comparable(last.response) : undefined).toEqual(comparable(plain));
  });

  test('the events of a response with parts of every kind', async () => {
    const { client } = await serving(WEATHER);
    const events = await eventsOf(client, { tools: [weather] });
    expect(events.map(({ type }) => type.replace('response.', ''))).toEqual([
      'created',
      'in_progress',
      ...['output_item.added', 'content_part.added', 'reasoning_text.delta', 'reasoning_text.delta'],
      ...['reasoning_text.done', 'content_part.done', 'output_item.done'],
      ...['output_item.added', 'content_part.added', 'output_text.delta'],
      ...['output_text.done', 'content_part.done', 'output_item.done'],
      ...['output_item.added', 'output_item.added'],
      ...['function_call_arguments.delta', 'function_call_arguments.delta', 'function_call_arguments.delta'],
      ...['function_call_arguments.done', 'output_item.done', 'function_call_arguments.done', 'output_item.done'],
      'completed',
    ]);
    const ids = new Map<number, Set<string>>();
    for (const event of events) {
      if (!('output_index' in event)) continue;
      const id = 'item' in event ? event.item.id : 'item_id' in event ? event.item_id : undefined;
      ids.set(event.output_index, (ids.get(event.output_index) ?? new Set()).add(id ?? 'none'));
    }
    expect([...ids.values()].map((set) => set.size)).toEqual([1, 1, 1, 1]);
  });

  test('a loop of tools, by previous_response_id and by sending everything back', async () => {
    const { client, provider } = await serving(WEATHER);
    const first = await client.responses.create({ ...ask, tools: [weather], instructions: 'Be brief.' });
    const results = first.output.flatMap((item): Item[] =>
      item.type === 'function_call' ? [{ type: 'function_call_output', call_id: item.call_id, output: '21 °C' }] : [],
    );
    expect(results).toHaveLength(2);
    const next = { model: 'tiny', tools: [weather] };
    const chained = await client.responses.create({ ...next, previous_response_id: first.id, input: results });
    expect(chained.output_text).toBe('It is 21 °C.');
    expect(chained.previous_response_id).toBe(first.id);
    const whole: Item[] = [{ role: 'user', content: 'hello' }, ...(first.output as Item[]), ...results];
    const sent = await client.responses.create({ ...next, input: whole, store: false });
    expect(sent.output_text).toBe('It is 21 °C.');
    expect(sent.usage).toEqual(chained.usage);
    const references = first.output.map(({ id }): Item => ({ type: 'item_reference', id: id ?? '' }));
    const referred = await client.responses.create({ ...next, input: [whole[0] as Item, ...references, ...results] });
    expect(referred.usage).toEqual(chained.usage);
    expect(provider.stats.runs).toBe(4);
  });

  test('structured output is parsed, tools too', async () => {
    const { client } = await serving({ answer: ['{"a"', ':1}'] });
    const text = { format: zodTextFormat(z.object({ a: z.number() }), 'thing') };
    const parsed = await client.responses.parse({ ...ask, text });
    expect(parsed.output_parsed).toEqual({ a: 1 });
    expect(parsed.text?.format).toMatchObject({ type: 'json_schema', name: 'thing' });
    const streamed = await client.responses.stream({ ...ask, text }).finalResponse();
    expect(streamed.output_parsed).toEqual({ a: 1 });
    const again = await client.responses.create({
      model: 'tiny',
      input: [{ role: 'user', content: 'x' }, ...(parsed.output as Item[]), { role: 'user', content: 'y' }],
    });
    expect(again.status).toBe('completed');
    const { client: other } = await serving(WEATHER);
    const tools = [zodResponsesFunction({ name: 'weather', parameters: z.object({ city: z.string() }) })];
    const called = await other.responses.parse({ ...ask, tools });
    expect(called.output.filter(({ type }) => type === 'function_call')).toMatchObject([
      { parsed_arguments: { city: 'Bonn' } },
      { parsed_arguments: { city: 'Ulm' } },
    ]);
  });

  test('log-probabilities', async () => {
    const { client } = await serving({ answer: ['a', 'b'] });
    const fields = { include: ['message.output_text.logprobs' as const], top_logprobs: 1 };
    const plain = await client.responses.create({ ...ask, ...fields });
    const [item] = plain.output;
    const b = { token: 'b', bytes: [98], logprob: 0 };
    expect(item).toMatchObject({
      content: [{ text: 'ab', logprobs: [{ token: 'a' }, { ...b, top_logprobs: [b] }] }],
    });
    const events = await eventsOf(client, fields);
    const deltas = events.filter(({ type }) => type === 'response.output_text.delta');
    expect(deltas).toMatchObject([{ logprobs: [{ token: 'a' }] }, { logprobs: [{ token: 'b' }] }]);
  });

  test('what proves reasoning is shown where it is asked for, and goes back in either case', async () => {
    const seen: unknown[] = [];
    const { client } = await serving({
      answer: (request) => {
        if (request.input.type === 'chat') seen.push(request.input.messages.at(1));
        return [{ type: 'reasoning', text: 'Hm', signature: 'sig' }, 'Yes.'];
      },
    });
    const hidden = await client.responses.create(ask);
    expect(hidden.output[0]).not.toHaveProperty('encrypted_content');
    await client.responses.create({ ...ask, previous_response_id: hidden.id });
    const shown = await client.responses.create({ ...ask, store: false, include: ['reasoning.encrypted_content'] });
    expect(shown.output[0]).toHaveProperty('encrypted_content');
    const history: Item[] = [{ role: 'user', content: 'hello' }, ...(shown.output as Item[])];
    await client.responses.create({ model: 'tiny', input: [...history, { role: 'user', content: 'go on' }] });
    const turn = {
      role: 'assistant',
      content: [{ type: 'text', text: 'Yes.' }],
      reasoning: 'Hm',
      reasoningBlocks: [{ text: 'Hm', signature: 'sig' }],
    };
    expect(seen).toEqual([undefined, turn, undefined, turn]);
  });

  test('counts tokens, also of a stored conversation', async () => {
    const { client } = await serving();
    const alone = await client.responses.inputTokens.count({ model: 'tiny', input: 'hello' });
    expect(alone).toEqual({ object: 'response.input_tokens', input_tokens: 5 });
    const first = await client.responses.create(ask);
    const both = await client.responses.inputTokens.count({ ...ask, previous_response_id: first.id });
    expect(both.input_tokens).toBeGreaterThan(10);
  });

  test('an abort ends the work, and nothing is kept of it', async () => {
    const { client, provider } = await serving({ hang: { at: 2 } });
    const stream = client.responses.stream(ask);
    const failed = failureOf(stream.finalResponse());
    const created = await new Promise<string>((resolve) => {
      stream.on('response.created', ({ response }) => {
        stream.once('response.output_text.delta', () => resolve(response.id));
      });
    });
    stream.abort();
    expect(await failed).toBeInstanceOf(OpenAI.APIUserAbortError);
    await expect.poll(() => provider.stats.active).toBe(0);
    expect((await failureOf(client.responses.retrieve(created))).status).toBe(404);
  });
});

describe('failures', () => {
  test.each<[string, object, FakeModel, number, RegExp]>([
    ['model_not_found', { model: 'none' }, {}, 404, /no model/],
    ['invalid_request', { max_output_tokens: 0 }, {}, 400, /'max_output_tokens'/],
    ['unknown_parameter', { max_output_token: 5 }, {}, 400, /did you mean 'max_output_tokens'/],
    ['unsupported', { conversation: 'c' }, {}, 400, /'previous_response_id'/],
    ['unsupported', { tools: [{ type: 'web_search' }] }, {}, 400, /'tools\[0\]\.type' 'web_search'/],
    ['not_found', { previous_response_id: 'resp_1' }, {}, 404, /no response 'resp_1' is stored/],
    ['rate_limited', {}, { fail: { at: 0, code: 'rate_limited', message: 'slow down' } }, 429, /slow down/],
    ['provider_failed', {}, { fail: { at: 0, code: 'provider_failed', message: 'broken' } }, 502, /broken/],
  ])('%s, plain and before the first word of a stream', async (code, fields, model, status, words) => {
    const { client } = await serving(model);
    const plain = await failureOf(client.responses.create({ ...ask, ...fields }));
    const streamed = await failureOf(client.responses.stream({ ...ask, ...fields }).finalResponse());
    for (const error of [plain, streamed]) {
      expect([error.status, error.code]).toEqual([status, code]);
      expect(error.message).toMatch(words);
    }
  });

  test('in the middle of a stream: the failed response, then an error, at which clients throw', async () => {
    const fail = { at: 2, code: 'provider_failed' as const, message: 'the engine is on fire' };
    const { client } = await serving({ delayMs: 10, fail });
    const error = await failureOf(client.responses.stream(ask).finalResponse());
    expect([error.code, error.message]).toEqual(['provider_failed', expect.stringContaining('on fire')]);
    const events: OpenAI.Responses.ResponseStreamEvent[] = [];
    expect(await failureOf(take(events, client, {}))).toMatchObject({ code: 'provider_failed', param: null });
    for (const event of events) expect(ResponseStreamEvent.parse(event)).toEqual(event);
    const failed = events.at(-1);
    if (failed?.type !== 'response.failed') throw new Error('no failed response');
    expect(failed.response).toMatchObject({
      status: 'failed',
      error: { code: 'server_error', type: 'provider_failed' },
      output: [{ type: 'message', status: 'incomplete', content: [{ text: 'The answer' }] }],
    });
    expect(await client.responses.retrieve(failed.response.id)).toMatchObject({ status: 'failed' });
    const next = await failureOf(client.responses.create({ ...ask, previous_response_id: failed.response.id }));
    expect([next.status, next.param]).toEqual([409, 'previous_response_id']);
  });
});

test('what Codex sends to every model is answered, and what the model is not shown is told', async () => {
  const offered: unknown[] = [];
  const { post } = await serving({
    answer: ({ input }) => {
      offered.push(input.type === 'chat' ? input.tools?.map(({ name }) => name) : input);
      return ['Done.'];
    },
  });
  const request = {
    model: 'tiny',
    instructions: 'You are an agent.',
    input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello' }] }],
    tools: [
      { ...weather, name: 'shell' },
      { type: 'web_search', external_web_access: false },
    ],
    tool_choice: 'auto',
    parallel_tool_calls: false,
    reasoning: null,
    store: false,
    include: [],
    prompt_cache_key: 'a',
    client_metadata: { 'x-codex-installation-id': 'a' },
  };
  const whole = await (await post('/v1/responses', request)).json();
  const warning = expect.stringContaining("the model is not shown 'tools[1]'") as string;
  expect(ResponseObject.parse(whole)).toMatchObject({ status: 'completed', warnings: [warning] });
  const stream = await (await post('/v1/responses', { ...request, stream: true })).text();
  expect(stream).toContain(": warning: the model is not shown 'tools[1]'");
  expect(stream).toContain('event: response.completed');
  expect(offered).toEqual([['shell'], ['shell']]);
});

test.each([{ effort: 'high' }, { effort: 'none' }] as const)(
  'how much to think is no demand on a model that does not: %j',
  async (reasoning) => {
    const asked: unknown[] = [];
    const { client, post } = await serving({
      options: ['input.chat'],
      answer: ({ input }) => {
        asked.push(input.type === 'chat' ? input.reasoning : input);
        return ['Done.'];
      },
    });
    const warning = expect.stringContaining("'reasoning.effort' changed nothing: the model") as string;
    const plain = await client.responses.create({ ...ask, reasoning });
    expect(plain).toMatchObject({ output_text: 'Done.', warnings: [warning] });
    const stream = await (await post('/v1/responses', { ...ask, reasoning, stream: true })).text();
    expect(stream).toContain(": warning: 'reasoning.effort' changed nothing");
    const { id } = await client.responses.create({ ...ask, reasoning, background: true });
    await expect.poll(() => client.responses.retrieve(id)).toMatchObject({ status: 'completed', warnings: [warning] });
    expect((await client.responses.inputTokens.count({ ...ask, reasoning })).input_tokens).toBe(5);
    expect(asked).toEqual([undefined, undefined, undefined]);
  },
);
