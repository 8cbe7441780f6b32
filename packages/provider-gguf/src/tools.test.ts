import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GenerateRequest, ModelSession, Provider, Tool, ToolChoice } from '@golek/providers-spi';
import { answer, chat, eventsOf, failure, openTiny, user } from './tiny-model.fixture.ts';

let provider: Provider;
let session: ModelSession;

beforeAll(async () => {
  ({ provider, session } = await openTiny());
});
afterAll(() => provider[Symbol.asyncDispose]());

const weather: Tool = {
  name: 'get_weather',
  description: 'Get the current weather for a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
const time: Tool = {
  name: 'get_time',
  description: 'Get the time.',
  parameters: { type: 'object', properties: { zone: { enum: ['UTC', 'CET'] } }, required: ['zone'] },
};

interface Wanted {
  readonly tools?: Tool[];
  readonly toolChoice?: ToolChoice;
  readonly parallelToolCalls?: boolean;
}

const asking = (
  text: string,
  wanted: Wanted,
  rest: Partial<Pick<GenerateRequest, 'output' | 'maxTokens' | 'logprobs' | 'sampling'>> = {},
): GenerateRequest => ({
  ...chat(text, rest),
  input: { type: 'chat', messages: [user(text)], tools: [weather], ...wanted },
});

test('a call is streamed: name first, the arguments as they are written, then the finish', async () => {
  const events = await eventsOf(session, asking('What is the weather in Paris?', {}));
  const [first, ...rest] = events.slice(0, -2);
  expect(first).toEqual({
    type: 'tool-call',
    choice: 0,
    index: 0,
    id: expect.stringMatching(/^call_[0-9a-f]{24}$/) as string,
    name: 'get_weather',
    arguments: '',
  });
  expect(rest.length).toBeGreaterThan(2);
  const pieces = rest.map((event) =>
    event.type === 'tool-call' && event.index === 0 && event.id === undefined ? event.arguments : '?',
  );
  expect(pieces.join('')).toBe('{"city": "Paris"}');
  expect(events.at(-2)).toEqual({ type: 'finish', choice: 0, reason: 'tool-calls' });
});

test('a call that the limit of tokens cuts before its name is told, and its text is not given out', async () => {
  const events = await eventsOf(session, asking('What is the weather in Paris?', {}, { maxTokens: 3 }));
  expect(events.slice(0, -1)).toEqual([
    { type: 'warning', message: expect.stringContaining('has cut a tool call') as string },
    { type: 'finish', choice: 0, reason: 'length' },
  ]);
  expect(events.at(-1)).toMatchObject({ type: 'usage', usage: { completionTokens: 3 } });
});

test('an answer from the result of a tool, with the id of its call', async () => {
  const first = await answer(session, asking('What is the weather in Paris?', {}));
  const [call] = first.choices[0]?.toolCalls ?? [];
  if (!call) throw new Error('no call');
  const second = await answer(session, {
    ...chat(''),
    input: {
      type: 'chat',
      tools: [weather],
      messages: [
        user('What is the weather in Paris?'),
        { role: 'assistant', content: [], toolCalls: [call] },
        {
          role: 'tool',
          toolCallId: call.id,
          content: [{ type: 'text', text: '{"temperature": 18, "condition": "sunny"}' }],
        },
      ],
    },
  });
  expect(second.choices[0]).toMatchObject({
    text: 'It is sunny and 18 degrees in Paris.',
    toolCalls: [],
    finish: 'stop',
  });
});

test('plain text stays text with tools at hand, with its logprobs', async () => {
  const { choices } = await answer(session, asking('Hello!', {}, { logprobs: { top: 0 } }));
  expect(choices[0]).toMatchObject({ toolCalls: [], finish: 'stop' });
  expect(choices[0]?.logprobs.map(({ text }) => text).join('')).toBe(choices[0]?.text);
});

test('required and named choices are enforced where the model would have talked', async () => {
  for (const toolChoice of [{ type: 'required' }, { type: 'tool', name: 'get_time' }] as const) {
    const { choices } = await answer(
      session,
      asking('Hello!', { tools: [weather, time], toolChoice }, { maxTokens: 200 }),
    );
    const [call] = choices[0]?.toolCalls ?? [];
    expect(choices[0]).toMatchObject({ text: '', finish: 'tool-calls' });
    if (toolChoice.type === 'tool') expect(call?.name).toBe('get_time');
    const args = JSON.parse(call?.arguments ?? '') as Record<string, unknown>;
    if (call?.name === 'get_time') expect(['UTC', 'CET']).toContain(args['zone']);
    else expect(args).toEqual({ city: expect.any(String) as string });
  }
});

test('the choice none hides the tools', async () => {
  const none = await answer(session, asking('What is the weather in Paris?', { toolChoice: { type: 'none' } }));
  const without = await answer(session, chat('What is the weather in Paris?'));
  expect(none.choices).toEqual(without.choices);
  expect(none.usage?.promptTokens).toBe(without.usage?.promptTokens);
});

test('at most one call when parallel calls are off, however hot', async () => {
  const count = async (parallelToolCalls: boolean, seed: number): Promise<number> => {
    const request = asking(
      'What time is it?',
      { tools: [time], toolChoice: { type: 'required' }, parallelToolCalls },
      { sampling: { temperature: 30, topK: 0, topP: 1, minP: 0, seed }, maxTokens: 300 },
    );
    return (await answer(session, request)).choices[0]?.toolCalls.length ?? 0;
  };
  const off = await Promise.all([1, 2, 3, 4].map((seed) => count(false, seed)));
  expect(Math.max(...off)).toBe(1);
});

test('a JSON answer and tools together: one or the other', async () => {
  const output = {
    type: 'json-schema',
    schema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] },
  } as const;
  const call = await answer(session, asking('What is the weather in Paris?', {}, { output, maxTokens: 100 }));
  const talk = await answer(session, asking('Hello!', {}, { output, maxTokens: 100 }));
  for (const { choices } of [call, talk]) {
    const [choice] = choices;
    if (choice?.finish === 'tool-calls') expect(choice.text).toBe('');
    else expect(JSON.parse(choice?.text ?? '')).toEqual({ ok: expect.any(Boolean) as boolean });
  }
});

test('a schema that cannot be enforced: refused for a strict tool, a description for others', async () => {
  const parameters = { type: 'object', properties: { n: { type: 'integer', multipleOf: 2 } }, required: ['n'] };
  const strict = await failure(
    answer(session, asking('Hi', { tools: [{ name: 'f', parameters, strict: true }] })),
    'unsupported',
  );
  expect(strict.details).toMatchObject({ tool: 'f', keyword: 'multipleOf' });
  const { choices } = await answer(
    session,
    asking('Hi', { tools: [{ name: 'f', parameters }], toolChoice: { type: 'required' } }, { maxTokens: 150 }),
  );
  expect(choices[0]?.toolCalls[0]?.name).toBe('f');
});

test('choices that make no sense are refused', async () => {
  const unknown = await failure(
    answer(session, asking('Hi', { toolChoice: { type: 'tool', name: 'nope' } })),
    'invalid_request',
  );
  expect(unknown.message).toContain('get_weather');
  await failure(answer(session, asking('Hi', { tools: [], toolChoice: { type: 'required' } })), 'invalid_request');
  const both = await failure(
    answer(session, asking('Hi', {}, { output: { type: 'grammar', grammar: 'root ::= "a"' } })),
    'unsupported',
  );
  expect(both.details).toEqual({ option: 'output.grammar' });
});
