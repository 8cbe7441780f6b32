import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { serve } from './server.fixture.ts';

const messages = [{ role: 'user' as const, content: 'hello' }];
const ask = { model: 'tiny', messages };

const clientOf = (url: string): OpenAI => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });

describe('the official client', () => {
  test('chat', async () => {
    const { url } = await serve();
    const answer = await clientOf(url).chat.completions.create(ask);
    expect(answer).toMatchObject({
      object: 'chat.completion',
      model: 'tiny',
      choices: [{ message: { role: 'assistant', content: 'The answer is scripted.' }, finish_reason: 'stop' }],
      usage: { completion_tokens: 4 },
    });
    expect(answer.id).toBe(`chatcmpl-${answer._request_id ?? ''}`);
  });

  test('a streamed answer is the unary one, with its usage last', async () => {
    const { url } = await serve();
    const client = clientOf(url);
    const unary = await client.chat.completions.create({ ...ask, n: 2 });
    const stream = client.chat.completions.stream({ ...ask, n: 2, stream_options: { include_usage: true } });
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const streamed = await stream.finalChatCompletion();
    const comparable = ({ choices, usage }: OpenAI.ChatCompletion): unknown =>
      JSON.parse(JSON.stringify({ choices, usage }, (key, value: unknown) => (key === 'parsed' ? undefined : value)));
    expect(comparable(streamed)).toEqual(comparable(unary));
    expect(chunks.slice(0, -1).every(({ usage, choices }) => usage === null && choices.length === 1)).toBe(true);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: unary.usage });
  });

  test('what changes nothing is told, in an answer and in a stream', async () => {
    const { url, post } = await serve();
    const warning = "'store' changed nothing: answers are not stored; the Responses API stores them";
    expect(await clientOf(url).chat.completions.create({ ...ask, store: true })).toMatchObject({ warnings: [warning] });
    const stream = await post('/v1/chat/completions', { ...ask, store: true, stream: true });
    expect(await stream.text()).toContain(`: warning: ${warning}`);
  });

  test('what changes nothing is told by a completion, too', async () => {
    const { post } = await serve();
    const stream_options = { continuous_usage_stats: true };
    const stream = await post('/v1/completions', { model: 'tiny', prompt: ['a', 'b'], stream: true, stream_options });
    expect((await stream.text()).match(/^: warning: 'stream_options/gm)).toHaveLength(1);
  });

  test('tools: the runner calls them and sends the results back', async () => {
    const { url } = await serve({
      tiny: {
        answer: (request) =>
          request.input.type === 'chat' && request.input.messages.some(({ role }) => role === 'tool')
            ? ['It is', ' 21 °C.']
            : [
                { type: 'tool-call', index: 0, id: 'call_1', name: 'weather', arguments: '' },
                { type: 'tool-call', index: 0, arguments: '{"city":' },
                { type: 'tool-call', index: 0, arguments: '"Bonn"}' },
              ],
      },
    });
    const asked: unknown[] = [];
    const run = (stream: boolean) => {
      const tools = [
        {
          type: 'function' as const,
          function: {
            name: 'weather',
            description: 'tells the weather',
            parameters: { type: 'object', properties: { city: { type: 'string' } } },
            parse: JSON.parse as (text: string) => { city: string },
            function: ({ city }: { city: string }) => {
              asked.push(city);
              return '21 °C';
            },
          },
        },
      ];
      const { completions } = clientOf(url).chat;
      return stream
        ? completions.runTools({ ...ask, tools, stream: true }).finalContent()
        : completions.runTools({ ...ask, tools }).finalContent();
    };
    expect(await run(false)).toBe('It is 21 °C.');
    expect(await run(true)).toBe('It is 21 °C.');
    expect(asked).toEqual(['Bonn', 'Bonn']);
  });

  test('JSON schema: a parsed answer can be sent back', async () => {
    const { url } = await serve({ tiny: { answer: ['{"a"', ':1}'] } });
    const response_format = {
      type: 'json_schema' as const,
      json_schema: { name: 'n', strict: true, schema: { type: 'object', properties: { a: { type: 'integer' } } } },
    };
    const client = clientOf(url);
    const first = await client.chat.completions.parse({ ...ask, response_format });
    const message = first.choices[0]?.message;
    expect(message?.content).toBe('{"a":1}');
    const again = await client.chat.completions.parse({ ...ask, messages: [...messages, message!], response_format });
    expect(again.choices[0]?.message.content).toBe('{"a":1}');
  });

  test('log-probabilities', async () => {
    const { url } = await serve();
    const answer = await clientOf(url).chat.completions.create({ ...ask, logprobs: true, top_logprobs: 1 });
    expect(answer.choices[0]?.logprobs?.content?.map(({ token }) => token).join('')).toBe('The answer is scripted.');
  });

  test('completions: several prompts, n, echo, stream', async () => {
    const { url } = await serve({ tiny: { answer: (_request, choice) => [` ${choice}`, '!'] } });
    const { completions } = clientOf(url);
    const body = { model: 'tiny', prompt: ['a', 'b'], n: 2, echo: true };
    const unary = await completions.create(body);
    expect(unary.choices.map(({ index, text }) => [index, text])).toEqual([
      [0, 'a 0!'],
      [1, 'a 1!'],
      [2, 'b 0!'],
      [3, 'b 1!'],
    ]);
    expect(unary.usage?.completion_tokens).toBe(8);
    const texts: string[] = ['', '', '', ''];
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of await completions.create({
      ...body,
      stream: true,
      stream_options: { include_usage: true },
    })) {
      for (const { index, text } of chunk.choices) texts[index] = (texts[index] ?? '') + text;
      usage = chunk.usage;
    }
    expect(texts).toEqual(unary.choices.map(({ text }) => text));
    expect(usage).toEqual(unary.usage);
  });

  test('embeddings: the default of the client (base64) and floats give the same numbers', async () => {
    const { url } = await serve();
    const { embeddings } = clientOf(url);
    const body = { model: 'tiny', input: ['a', 'b'], dimensions: 8 };
    const encoded = await embeddings.create(body);
    const floats = await embeddings.create({ ...body, encoding_format: 'float' });
    expect(encoded.data.map(({ embedding }) => embedding)).toEqual(floats.data.map(({ embedding }) => embedding));
    expect(floats.data.map(({ embedding }) => embedding.length)).toEqual([8, 8]);
    expect(floats.usage.prompt_tokens).toBeGreaterThan(0);
  });

  test('models, also with a slash in the name and by alias', async () => {
    const { url, registry } = await serve({ tiny: {}, 'org/some model': {} });
    registry.alias('default', 'tiny');
    const { models } = clientOf(url);
    const ids: string[] = [];
    for await (const { id } of models.list()) ids.push(id);
    expect(ids).toEqual(['tiny', 'org/some model', 'default']);
    expect((await models.retrieve('org/some model')).id).toBe('org/some model');
    expect((await fetch(`${url}/v1/models/org/some%20model`)).status).toBe(200);
    expect((await models.retrieve('default')).id).toBe('default');
    await expect(models.retrieve('tinny')).rejects.toThrow("did you mean 'tiny'");
  });

  test('leaving the stream ends the run', async () => {
    const { url, provider, engine } = await serve({ tiny: { answer: ['a', 'b'], hang: { at: 1 } } });
    const stream = await clientOf(url).chat.completions.create({ ...ask, stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content === 'a') break;
    await expect.poll(() => [provider.stats.active, engine.inFlight]).toEqual([0, 0]);
  });

  test('an aborted request ends the run', async () => {
    const { url, provider } = await serve({ tiny: { hang: { at: 0 } } });
    const controller = new AbortController();
    const answer = clientOf(url).chat.completions.create(ask, { signal: controller.signal });
    await expect.poll(() => provider.stats.active).toBe(1);
    controller.abort();
    await expect(answer).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
    await expect.poll(() => provider.stats.active).toBe(0);
  });
});

describe('its error classes', () => {
  test.each([
    ['wrong value', { temperature: -1 }, OpenAI.BadRequestError, 'invalid_request', 'temperature'],
    ['refused', { functions: [{ name: 'f' }] }, OpenAI.BadRequestError, 'unsupported', 'functions'],
    ['unknown key', { temprature: 1 }, OpenAI.BadRequestError, 'unknown_parameter', 'temprature'],
    ['unknown model', { model: 'none' }, OpenAI.NotFoundError, 'model_not_found', 'model'],
    ['no such option', { model: 'plain', top_p: 0.5 }, OpenAI.BadRequestError, 'unsupported', 'top_p'],
    ['no such task', { model: 'embedder' }, OpenAI.BadRequestError, 'unsupported', 'model'],
    ['too long', { model: 'short' }, OpenAI.BadRequestError, 'context_length_exceeded', 'messages'],
    ['failed', { model: 'failing' }, OpenAI.InternalServerError, 'provider_failed', null],
    ['not loadable', { model: 'broken' }, OpenAI.UnprocessableEntityError, 'model_invalid', null],
  ])('%s', async (_name, fields, errorClass, code, param) => {
    const { url } = await serve({
      tiny: {},
      plain: { options: ['input.chat'] },
      embedder: { tasks: ['embed'] },
      short: { contextLength: 1 },
      failing: { fail: { at: 0, code: 'provider_failed', message: 'gone' } },
      broken: { load: { error: { code: 'model_invalid', message: 'no magic number' } } },
    });
    const { completions } = clientOf(url).chat;
    for (const stream of [false, true]) {
      const error: unknown = await completions.create({ ...ask, ...fields, stream }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(errorClass);
      expect(error).toMatchObject({ code, param });
      expect((error as InstanceType<typeof OpenAI.APIError>).requestID).toMatch(/^req_/);
    }
  });

  test('a failure in the middle of a stream', async () => {
    const { url } = await serve({
      tiny: { answer: ['a', 'b', 'c'], delayMs: 20, fail: { at: 2, code: 'engine_crashed', message: 'gone' } },
    });
    const stream = await clientOf(url).chat.completions.create({ ...ask, stream: true });
    let text = '';
    const read = async (): Promise<void> => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    };
    await expect(read()).rejects.toMatchObject({ code: 'engine_crashed', type: 'server_error' });
    expect(text).toBe('ab');
  });

  test('what cannot get better is not repeated, what can is', async () => {
    const { url, provider } = await serve({
      tiny: { fail: { at: 0, code: 'model_load_failed', message: 'no' } },
      busy: { fail: { at: 0, code: 'overloaded', message: 'no' } },
    });
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 1 });
    await expect(client.chat.completions.create(ask)).rejects.toBeInstanceOf(OpenAI.InternalServerError);
    expect(provider.stats.runs).toBe(1);
    await expect(client.chat.completions.create({ ...ask, model: 'busy' })).rejects.toBeInstanceOf(
      OpenAI.InternalServerError,
    );
    expect(provider.stats.runs).toBe(3);
  });
});
