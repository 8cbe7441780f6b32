import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serve, type GolekServer } from './golek-server.fixture.ts';

/** A server with the shipped model, and one that knows it as a model of an upstream. */
let back: GolekServer;
let front: GolekServer;
let folder: string;

beforeAll(async () => {
  back = await serve();
  folder = await mkdtemp(path.join(tmpdir(), 'golek-front-'));
  const file = path.join(folder, 'golek.yaml');
  const settings = {
    upstreams: [{ id: 'back', type: 'anthropic', baseUrl: `${back.url}/v1` }],
    models: {
      bundled: false,
      list: [{ name: 'golek-tiny', provider: 'back', model: 'golek-tiny', options: { verify: true } }],
    },
  };
  // JSON is YAML.
  await writeFile(file, JSON.stringify(settings));
  front = await serve({ args: ['--config', file] });
});
afterAll(async () => {
  await front[Symbol.asyncDispose]();
  await back[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const post = async (server: GolekServer, where: string, body: object): Promise<string> => {
  const response = await fetch(server.url + where, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return text;
};

/** What differs between two answers to the same request. */
const comparable = (text: string): string =>
  text
    .replaceAll(/"(id|created)":("[^"]*"|\d+)/g, '"$1":0')
    // What the second of two equal prompts takes from the first is no part of the answer.
    .replaceAll(/"(cache_read_input_tokens|input_tokens|cached_tokens)":\d+/g, '"$1":0');

const weather = {
  name: 'get_weather',
  description: 'Get the weather of a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

const QUESTIONS: readonly (readonly [string, object])[] = [
  ['a greeting', { messages: [{ role: 'user', content: 'Hello!' }] }],
  [
    'a conversation',
    {
      messages: [
        { role: 'user', content: 'Hello!' },
        { role: 'assistant', content: 'Hi.' },
        { role: 'user', content: 'What is the capital of France? 🎈' },
      ],
    },
  ],
  ['a limit', { messages: [{ role: 'user', content: 'Tell me a story.' }], max_tokens: 5 }],
];

describe("Golek behind Golek, over Anthropic's Messages API", () => {
  it.each(QUESTIONS)('gives the same tokens: %s', async (_, question) => {
    const ask = { model: 'golek-tiny', max_tokens: 60, temperature: 0, ...question };
    for (const stream of [false, true]) {
      const [direct, through] = [
        await post(back, '/v1/messages', { ...ask, stream }),
        await post(front, '/v1/messages', { ...ask, stream }),
      ];
      const joined = (text: string): string =>
        [...text.matchAll(/"text":"((?:[^"\\]|\\.)*)"/g)].map(([, t]) => t).join('');
      expect(joined(direct)).not.toBe('');
      expect(joined(through)).toBe(joined(direct));
      if (!stream) expect(comparable(through)).toBe(comparable(direct));
    }
    // The client may speak another protocol than the servers among each other.
    expect(comparable(await post(front, '/v1/chat/completions', ask))).toBe(
      comparable(await post(back, '/v1/chat/completions', ask)),
    );
  });

  it('calls the same tool', async () => {
    const ask = {
      model: 'golek-tiny',
      max_tokens: 100,
      temperature: 0,
      messages: [{ role: 'user', content: 'What is the weather in Paris?' }],
      tools: [{ type: 'function', function: weather }],
      tool_choice: 'required',
    };
    const answers = [await post(back, '/v1/chat/completions', ask), await post(front, '/v1/chat/completions', ask)].map(
      (text) => {
        const { choices } = JSON.parse(text) as {
          choices: {
            finish_reason: string;
            message: { tool_calls?: { function: { name: string; arguments: string } }[] };
          }[];
        };
        return choices.map(({ finish_reason, message }) => [
          finish_reason,
          // In one piece the arguments are an object on this wire, without the model's own spaces.
          message.tool_calls?.map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
        ]);
      },
    );
    expect(answers[0]?.[0]?.[0]).toBe('tool_calls');
    expect(answers[1]).toEqual(answers[0]);
  });

  it('counts the same tokens', async () => {
    const ask = { model: 'golek-tiny', messages: [{ role: 'user', content: 'Hello, how are you?' }] };
    const direct = await post(back, '/v1/messages/count_tokens', ask);
    expect(await post(front, '/v1/messages/count_tokens', ask)).toBe(direct);
    const { usage } = JSON.parse(await post(back, '/v1/messages', { ...ask, max_tokens: 1 })) as {
      usage: { input_tokens: number; cache_read_input_tokens: number };
    };
    expect(JSON.parse(direct)).toEqual({ input_tokens: usage.input_tokens + usage.cache_read_input_tokens });
  });
});
