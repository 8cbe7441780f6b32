import type { GenerateRequest, InferenceResult } from '@golek/api';
import { Ollama } from 'ollama';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGolek, type RunningGolek } from './running-golek.fixture.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

const start = async (config: object = {}): Promise<RunningGolek> => stack.use(await startGolek(config));

let behind: RunningGolek;
let front: RunningGolek;
beforeAll(async () => {
  behind = await start();
  const { url } = behind;
  front = await start({
    upstreams: [
      { id: 'by-openai', baseUrl: `${url}/v1`, dialect: 'llama-cpp' },
      { id: 'by-ollama', type: 'ollama', baseUrl: url },
    ],
    models: {
      bundled: false,
      list: ['by-openai', 'by-ollama'].flatMap((provider) => [
        { name: provider, provider, model: 'golek-tiny' },
        { name: `${provider}-embed`, provider, model: 'golek-embed', options: { tasks: ['embed'] } },
      ]),
    },
  });
}, 60_000);

const base = { task: 'generate', model: 'golek-tiny', maxTokens: 24, logprobs: { top: 1 } } as const;
const chat = (text: string): GenerateRequest['input'] => ({
  type: 'chat',
  messages: [{ role: 'user', content: [{ type: 'text', text }] }],
});

const REQUESTS: readonly (readonly [string, GenerateRequest])[] = [
  ['the best tokens', { ...base, input: chat('Who are you?'), sampling: { temperature: 0 } }],
  [
    'seeded tokens',
    { ...base, input: chat('Tell me a story.'), sampling: { temperature: 1, topK: 20, seed: 7, repeatPenalty: 1.1 } },
  ],
  ['a text', { ...base, input: { type: 'text', prompt: 'Once upon' }, sampling: { temperature: 0 } }],
  ['a stop', { ...base, input: chat('Who are you?'), sampling: { temperature: 0 }, stop: [','] }],
  [
    'JSON by schema',
    {
      ...base,
      input: chat('Hi'),
      sampling: { temperature: 0 },
      output: {
        type: 'json-schema',
        schema: {
          type: 'object',
          properties: { a: { type: 'boolean' } },
          required: ['a'],
          additionalProperties: false,
        },
      },
    },
  ],
  [
    'a call of a tool',
    {
      ...base,
      input: {
        ...(chat('What is the weather in Bonn?') as Extract<GenerateRequest['input'], { type: 'chat' }>),
        tools: [
          {
            name: 'get_weather',
            description: 'Get the current weather for a city.',
            parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
          },
        ],
      },
      maxTokens: 60,
      sampling: { temperature: 0 },
    },
  ],
];

describe.each(['by-openai', 'by-ollama'])('Golek in front of Golek, %s', (name) => {
  test.each(REQUESTS)('gives %s as the one behind', async (_name, request) => {
    const [direct, crossed] = [await behind.run(request), await front.run({ ...request, model: name })];
    const plain = ({ choices, usage }: InferenceResult): unknown => ({
      choices: choices.map(({ text, finish, toolCalls, logprobs }) => ({
        text,
        finish,
        calls: toolCalls.map((call) => [call.name, JSON.parse(call.arguments) as unknown]),
        tokens: logprobs.map((token) => token.bytes),
      })),
      tokens: [usage?.promptTokens, usage?.completionTokens],
    });
    expect(plain(crossed)).toEqual(plain(direct));
    expect(crossed.warnings).toEqual(direct.warnings);
  });

  test('gives its vectors and its refusals', async () => {
    const embed = { task: 'embed', model: 'golek-embed', inputs: ['a cat', 'a dog'] } as const;
    const request = { ...embed, inputs: [...embed.inputs] };
    const { embeddings } = await front.run({ ...request, model: `${name}-embed` });
    expect(embeddings).toEqual((await behind.run(request)).embeddings);
    const long: GenerateRequest = { ...base, model: name, input: chat('word '.repeat(2000)) };
    await expect(front.run(long)).rejects.toMatchObject({ code: 'context_length_exceeded' });
  });

  test("is reached by Ollama's client, and its abort crosses both", async () => {
    const client = new Ollama({ host: front.url });
    const messages = [{ role: 'user', content: 'Tell me a long story.' }];
    const stream = await client.chat({ model: name, messages, stream: true, options: { num_predict: 500 } });
    const reading = (async () => {
      for await (const chunk of stream) if (chunk.message.content !== '') client.abort();
    })();
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
    await expect.poll(() => [front.inFlight(), behind.inFlight()]).toEqual([0, 0]);
  });
});

test("Ollama's client finds the models, and the engine's own times in an answer", async () => {
  const client = new Ollama({ host: behind.url });
  expect((await client.list()).models.map(({ name }) => name)).toEqual(['golek-tiny', 'golek-embed']);
  const messages = [{ role: 'user', content: 'Who are you?' }];
  const answer = await client.chat({ model: 'golek-tiny:latest', messages, options: { temperature: 0 } });
  const direct = await behind.run({
    ...base,
    input: chat('Who are you?'),
    sampling: { temperature: 0 },
    maxTokens: 500,
  });
  expect(answer.message.content).toBe(direct.choices[0]?.text);
  expect([answer.prompt_eval_count, answer.eval_count]).toEqual([
    direct.usage?.promptTokens,
    direct.usage?.completionTokens,
  ]);
  expect(answer.prompt_eval_duration).toBeGreaterThan(0);
  expect(answer.eval_duration).toBeGreaterThan(0);
  expect(answer.prompt_eval_duration + answer.eval_duration).toBeLessThanOrEqual(answer.total_duration);
  const shown = await client.show({ model: 'golek-tiny' });
  expect(shown.capabilities).toEqual(expect.arrayContaining(['completion', 'tools']));
  expect(shown.details).toMatchObject({ format: 'gguf', quantization_level: 'Q8_0' });
  expect((await client.ps()).models.find(({ name }) => name === 'golek-tiny')?.size).toBeGreaterThan(0);
});
