import { golekEmbed } from '@golek/model-embed';
import { golekTiny } from '@golek/model-tiny';
import OpenAI, { APIUserAbortError, BadRequestError, NotFoundError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GOLDEN } from './golden.fixture.ts';
import { serve, type GolekServer } from './golek-server.fixture.ts';

const model = golekTiny.name;
const greedy = { model, temperature: 0 } as const;
const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Get the current weather for a city.',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
} as const;

let server: GolekServer;
let client: OpenAI;
beforeAll(async () => {
  server = await serve();
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'not needed', maxRetries: 0 });
});
afterAll(() => server[Symbol.asyncDispose]());

const goldenOf = (name: string) => {
  const golden = GOLDEN.find((candidate) => candidate.name === name);
  if (!golden) throw new Error(`no golden answer named ${name}`);
  return golden;
};

describe('the official openai client', () => {
  it('chats', async () => {
    const golden = goldenOf('identity');
    const completion = await client.chat.completions.create({
      ...greedy,
      messages: [{ role: 'user', content: 'Who are you?' }],
    });
    expect(completion.choices[0]).toMatchObject({
      index: 0,
      message: { role: 'assistant', content: golden.text },
      finish_reason: 'stop',
    });
    expect(completion).toMatchObject({ object: 'chat.completion', model });
    expect(completion.usage?.prompt_tokens).toBe(golden.promptTokens.length);
  });

  it('streams with usage, and the stream joins to the unary answer', async () => {
    // 69 tokens without a near tie between candidates, so that they are the same on every CPU and with every batch.
    const body = { ...greedy, messages: [{ role: 'user' as const, content: 'Count from 1 to 20.' }] };
    const unary = await client.chat.completions.create(body);
    let streamed = '';
    let usage: OpenAI.CompletionUsage | undefined;
    const finishes: string[] = [];
    for await (const chunk of await client.chat.completions.create({
      ...body,
      stream: true,
      stream_options: { include_usage: true },
    })) {
      streamed += chunk.choices[0]?.delta.content ?? '';
      if (chunk.choices[0]?.finish_reason) finishes.push(chunk.choices[0].finish_reason);
      if (chunk.usage) usage = chunk.usage;
    }
    expect(streamed).toBe(unary.choices[0]?.message.content);
    expect(streamed).toBe(Array.from({ length: 20 }, (_, index) => index + 1).join(', '));
    expect(finishes).toEqual(['stop']);
    expect(usage?.completion_tokens).toBe(unary.usage?.completion_tokens);
    expect(usage?.prompt_tokens).toBe(unary.usage?.prompt_tokens);
  });

  it('calls a tool, answers from its result, and streams the arguments', async () => {
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'What is the weather in Paris?' }];
    const called = await client.chat.completions.create({ ...greedy, messages, tools: [weather] });
    const message = called.choices[0]?.message;
    const call = message?.tool_calls?.[0];
    expect(called.choices[0]?.finish_reason).toBe('tool_calls');
    expect(call).toMatchObject({ type: 'function', function: { name: 'get_weather' } });
    expect(call?.type === 'function' && JSON.parse(call.function.arguments)).toEqual({ city: 'Paris' });

    let pieces = 0;
    let streamed = '';
    for await (const chunk of await client.chat.completions.create({
      ...greedy,
      messages,
      tools: [weather],
      stream: true,
    })) {
      const piece = chunk.choices[0]?.delta.tool_calls?.[0]?.function?.arguments;
      if (piece) pieces += 1;
      streamed += piece ?? '';
    }
    expect(JSON.parse(streamed)).toEqual({ city: 'Paris' });
    expect(pieces).toBeGreaterThan(1);

    const answered = await client.chat.completions.create({
      ...greedy,
      tools: [weather],
      messages: [
        ...messages,
        message!,
        { role: 'tool', tool_call_id: call!.id, content: '{"temperature": 18, "condition": "sunny"}' },
      ],
    });
    expect(answered.choices[0]?.message.content).toBe(goldenOf('tool_answer').text);
  });

  it('forces a tool and forbids it', async () => {
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'Hello!' }];
    const forced = await client.chat.completions.create({
      ...greedy,
      messages,
      tools: [weather],
      tool_choice: { type: 'function', function: { name: 'get_weather' } },
    });
    const call = forced.choices[0]?.message.tool_calls?.[0];
    expect(call?.type === 'function' && Object.keys(JSON.parse(call.function.arguments) as object)).toEqual(['city']);
    const asked: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'What is the weather in Paris?' }];
    const forbidden = await client.chat.completions.create({
      ...greedy,
      messages: asked,
      tools: [weather],
      tool_choice: 'none',
    });
    expect(forbidden.choices[0]?.message.tool_calls ?? []).toEqual([]);
  });

  it('answers by a JSON Schema, whatever was asked', async () => {
    const schema = {
      type: 'object',
      properties: {
        name: { type: 'string', maxLength: 12 },
        age: { type: 'integer' },
        tags: { type: 'array', items: { enum: ['a', 'b'] }, maxItems: 2 },
      },
      required: ['name', 'age', 'tags'],
      additionalProperties: false,
    };
    const completion = await client.chat.completions.create({
      ...greedy,
      messages: [{ role: 'user', content: 'Tell me a story.' }],
      response_format: { type: 'json_schema', json_schema: { name: 'person', schema, strict: true } },
    });
    const value = JSON.parse(completion.choices[0]?.message.content ?? '') as Record<string, unknown>;
    expect(Object.keys(value).sort()).toEqual(['age', 'name', 'tags']);
    expect(Number.isInteger(value['age'])).toBe(true);
  });

  it('gives n answers, log probabilities and stop strings', async () => {
    const completion = await client.chat.completions.create({
      model,
      messages: [{ role: 'user', content: 'name three colours' }],
      n: 3,
      temperature: 1,
      seed: 7,
      logprobs: true,
      top_logprobs: 2,
      max_completion_tokens: 12,
    });
    expect(completion.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    for (const choice of completion.choices) {
      const tokens = choice.logprobs?.content ?? [];
      expect(tokens.length).toBeGreaterThan(0);
      for (const token of tokens) {
        expect(token.logprob).toBeLessThanOrEqual(0);
        expect(token.top_logprobs).toHaveLength(2);
      }
      expect(tokens.flatMap(({ bytes }) => bytes ?? [])).toEqual([...Buffer.from(choice.message.content ?? '')]);
    }
    const stopped = await client.chat.completions.create({
      ...greedy,
      messages: [{ role: 'user', content: 'Count from 3 to 9.' }],
      stop: [' 6,'],
    });
    expect(stopped.choices[0]).toMatchObject({ message: { content: '3, 4, 5,' }, finish_reason: 'stop' });
    const cut = await client.chat.completions.create({
      ...greedy,
      messages: [{ role: 'user', content: 'Count from 3 to 9.' }],
      max_tokens: 5,
    });
    expect(cut.choices[0]?.finish_reason).toBe('length');
    expect(cut.usage?.completion_tokens).toBe(5);
  });

  it('completes raw text', async () => {
    const completion = await client.completions.create({ ...greedy, prompt: 'Once upon a time', max_tokens: 200 });
    expect(completion.choices[0]).toMatchObject({
      text: expect.stringMatching(/^ there was a /),
      finish_reason: 'stop',
    });
    const cut = await client.completions.create({ ...greedy, prompt: 'Once upon a time', max_tokens: 3 });
    expect(cut.choices[0]).toMatchObject({ text: ' there was a', finish_reason: 'length' });
  });

  it('finds the text that says the same with the shipped embedding model', async () => {
    const questions = ['How do I get a new password?', 'When does the shop open?'];
    const answers = [
      'Opening hours are nine to five.',
      'We bake bread every day.',
      'Use the link to reset your login.',
    ];
    const embed = async (input: string[]): Promise<number[][]> => {
      const { data, usage } = await client.embeddings.create({ model: golekEmbed.name, input });
      expect(data.map(({ index, embedding }) => [index, embedding.length])).toEqual(input.map((_, at) => [at, 512]));
      expect(usage.prompt_tokens).toBeGreaterThan(input.length);
      return data.map(({ embedding }) => embedding);
    };
    const [asked, given] = await Promise.all([embed(questions), embed(answers)]);
    const best = asked.map((question) => {
      const scores = given.map((answer) => answer.reduce((sum, x, at) => sum + x * (question[at] ?? 0), 0));
      return answers[scores.indexOf(Math.max(...scores))];
    });
    expect(best).toEqual([answers[2], answers[0]]);
    const shorter = await client.embeddings.create({ model: golekEmbed.name, input: questions, dimensions: 64 });
    expect(Math.hypot(...(shorter.data[0]?.embedding ?? []))).toBeCloseTo(1, 4);
    expect(shorter.data[1]?.embedding).toHaveLength(64);
    const chat = client.chat.completions.create({
      model: golekEmbed.name,
      messages: [{ role: 'user', content: 'Hi' }],
    });
    await expect(chat).rejects.toMatchObject({ status: 400, code: 'unsupported' });
  });

  it('embeds, as floats and as base64', async () => {
    const input = ['a red kite', 'a red kite', 'the sum of two numbers'];
    const floats = await client.embeddings.create({ model, input, encoding_format: 'float' });
    const decoded = await client.embeddings.create({ model, input });
    const raw = await client.embeddings.create({ model, input, encoding_format: 'base64' });
    const vectors = floats.data.map(({ embedding }) => embedding);
    expect(vectors.every((vector) => vector.length === 256 && Math.abs(Math.hypot(...vector) - 1) < 1e-4)).toBe(true);
    expect(vectors[0]).toEqual(vectors[1]);
    expect(vectors[0]).not.toEqual(vectors[2]);
    expect(decoded.data[2]?.embedding.map(Math.fround)).toEqual(vectors[2]?.map(Math.fround));
    const bytes = Buffer.from(raw.data[2]?.embedding as unknown as string, 'base64');
    expect([...new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))]).toEqual(
      vectors[2]?.map(Math.fround),
    );
    expect(floats.usage.prompt_tokens).toBeGreaterThan(0);
  });

  it('lists models', async () => {
    const models = await client.models.list();
    expect(models.data.map(({ id }) => id)).toEqual([model, golekEmbed.name]);
    expect(await client.models.retrieve(model)).toMatchObject({ id: model, object: 'model' });
  });

  it('aborts, and the generation stops', async () => {
    const stream = await client.chat.completions.create({
      ...greedy,
      messages: [{ role: 'user', content: 'Tell me a story.' }],
      stream: true,
    });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    const controller = new AbortController();
    const aborted = client.chat.completions.create(
      { ...greedy, messages: [{ role: 'user', content: 'Tell me a story.' }] },
      { signal: controller.signal },
    );
    controller.abort();
    await expect(aborted).rejects.toBeInstanceOf(APIUserAbortError);
    expect(
      (await client.chat.completions.create({ ...greedy, messages: [{ role: 'user', content: 'Hello!' }] })).choices[0]
        ?.message.content,
    ).toBe(goldenOf('hello').text);
  });

  it('gets its own error classes, with code and parameter', async () => {
    const messages = [{ role: 'user' as const, content: 'Hello!' }];
    const unknownModel = client.chat.completions.create({ model: 'golek-tinny', messages });
    await expect(unknownModel).rejects.toBeInstanceOf(NotFoundError);
    await expect(unknownModel).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
      message: expect.stringContaining("did you mean 'golek-tiny'?"),
    });
    const unsupported = client.chat.completions.create({ ...greedy, messages, modalities: ['audio'] });
    await expect(unsupported).rejects.toBeInstanceOf(BadRequestError);
    await expect(unsupported).rejects.toMatchObject({
      code: 'unsupported',
      param: expect.stringContaining('modalities'),
    });
    const misspelt = client.chat.completions.create({ ...greedy, messages, max_token: 3 } as never);
    await expect(misspelt).rejects.toMatchObject({
      status: 400,
      code: 'unknown_parameter',
      param: 'max_token',
      message: expect.stringContaining('max_tokens'),
    });
    const long = client.chat.completions.create({
      ...greedy,
      messages: [{ role: 'user', content: 'word '.repeat(3000) }],
    });
    await expect(long).rejects.toMatchObject({ status: 400, code: 'context_length_exceeded' });
  });
});
