import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { InferenceEvent, Message, ModelSession, Provider } from '@golek/providers-spi';
import {
  answer,
  chat,
  complete,
  eventsOf,
  failure,
  golden,
  goldenRequest,
  openTiny,
  run,
  type GoldenAnswer,
} from './tiny-model.fixture.ts';

let provider: Provider;
let session: ModelSession;

beforeAll(async () => {
  ({ provider, session } = await openTiny());
});
afterAll(() => provider[Symbol.asyncDispose]());

const ids = (events: readonly InferenceEvent[]): (number | undefined)[] =>
  events.flatMap((event) => (event.type === 'text' ? (event.logprobs ?? []).map(({ id }) => id) : []));

const textOf = (events: readonly InferenceEvent[]): string =>
  events.map((event) => (event.type === 'text' ? event.text : '')).join('');

describe('golden answers', () => {
  test.each(Object.entries(golden.answers))('%s', async (_name, entry) => {
    const stable = entry.tokens.slice(0, entry.stableTokens);
    const prompt = [...entry.promptTokens];
    const events = await eventsOf(session, complete(prompt, { maxTokens: 320, logprobs: { top: 0 } }));
    expect(ids(events).slice(0, stable.length)).toEqual(stable);
    const chatted = await answer(session, goldenRequest(entry, { maxTokens: 320 }));
    expect(chatted.usage?.promptTokens).toBe(prompt.length);
    const { input } = goldenRequest(entry);
    expect((await answer(session, { task: 'count', model: 'golek-tiny', input })).count).toBe(prompt.length);
    if (stable.length < entry.tokens.length) return;
    expect(textOf(events)).toBe(entry.text);
    expect(chatted.usage?.completionTokens).toBe(entry.tokens.length);
    const [choice] = chatted.choices;
    if (entry.text.startsWith('<tool_call>')) expect(choice?.finish).toBe('tool-calls');
    else expect(choice).toMatchObject({ text: entry.text, finish: entry.finish });
  });

  test('a chat that ends with the beginning of the answer is gone on with', async () => {
    const request = chat('What is Golek?', { maxTokens: 24 });
    const whole = (await answer(session, request)).choices[0]?.text ?? '';
    const begun = whole.slice(0, whole.indexOf(' inference'));
    expect(begun).not.toBe('');
    if (request.input.type !== 'chat') throw new Error('not a chat');
    const said: Message = { role: 'assistant', content: [{ type: 'text', text: begun }] };
    const input = { ...request.input, messages: [...request.input.messages, said] };
    const rest = (await answer(session, { ...request, input })).choices[0]?.text ?? '';
    expect(begun + rest.slice(0, 40)).toBe(whole.slice(0, begun.length + 40));
    expect(rest.length).toBeGreaterThan(40);
  });

  test.each(Object.entries(golden.tokenization))(
    'tokenization of %s, there and back',
    async (_name, { text, tokens }) => {
      const { tokens: got } = await answer(session, {
        task: 'tokenize',
        model: 'golek-tiny',
        text,
        parseSpecial: true,
      });
      expect(got).toEqual(tokens);
      const back = await answer(session, { task: 'detokenize', model: 'golek-tiny', tokens: [...tokens] });
      expect(back.choices[0]?.text).toBe(text);
    },
  );
});

describe('streams', () => {
  test('has the finish after the deltas and the usage last', async () => {
    const types = (await eventsOf(session, chat('Hello!'))).map(({ type }) => type);
    expect(types.slice(-2)).toEqual(['finish', 'usage']);
    expect(new Set(types.slice(0, -2))).toEqual(new Set(['text']));
  });

  test('an answer is the same again, from the cache and not, alone and beside others', async () => {
    const essence = async (on: ModelSession, entry: GoldenAnswer): Promise<object[]> =>
      (await answer(on, goldenRequest(entry, { maxTokens: 150 }))).choices.map(({ text, finish, toolCalls }) => ({
        text,
        finish,
        calls: toolCalls.map((call) => call.arguments),
      }));
    const entries = Object.values(golden.answers);
    const alone: object[][] = [];
    for (const entry of entries) alone.push(await essence(session, entry));
    const { provider: other, session: fresh } = await openTiny();
    expect(await Promise.all(entries.map((entry) => essence(fresh, entry)))).toEqual(alone);
    await other[Symbol.asyncDispose]();
  });

  test('a character that is spread over tokens comes out whole', async () => {
    const grammar = 'root ::= "Zürich 日本 🎉🎉 ok"';
    const events = await eventsOf(
      session,
      complete('Say it:', { output: { type: 'grammar', grammar }, logprobs: { top: 0 } }),
    );
    expect(textOf(events)).toBe('Zürich 日本 🎉🎉 ok');
    const texts = events.flatMap((event) => (event.type === 'text' ? [event.text] : []));
    expect(texts.join('')).not.toContain('\uFFFD');
    expect(texts.every((text) => text.isWellFormed())).toBe(true);
    expect(ids(events).length).toBeGreaterThan(texts.length);
  });

  test('a character that the limit cuts is left out', async () => {
    const request = complete('Say it:', {
      output: { type: 'grammar', grammar: 'root ::= "a🎉"' },
      maxTokens: 3,
      logprobs: { top: 0 },
    });
    const events = await eventsOf(session, request);
    expect(textOf(events)).toBe('a');
    expect(ids(events)).toHaveLength(3);
    expect(events.at(-1)).toMatchObject({ usage: { completionTokens: 3 } });
    expect(events.at(-2)).toMatchObject({ type: 'finish', reason: 'length' });
  });
});

describe('ends', () => {
  test('at a stop string that is spread over tokens, whose text and logprobs are left out', async () => {
    const request = chat('Count from 3 to 9.', { stop: ['5, 6', 'zzz'], logprobs: { top: 0 } });
    const events = await eventsOf(session, request);
    expect(textOf(events)).toBe('3, 4, ');
    expect(events.at(-2)).toEqual({ type: 'finish', choice: 0, reason: 'stop', stop: '5, 6' });
    expect(ids(events)).toEqual(golden.answers['count']?.tokens.slice(0, 6));
  });

  test('at the limit', async () => {
    const { choices, usage } = await answer(session, chat('Count from 3 to 9.', { maxTokens: 4 }));
    expect(choices[0]).toMatchObject({ text: '3, 4', finish: 'length' });
    expect(usage?.completionTokens).toBe(4);
  });

  test('when the context is full', async () => {
    const { provider: small, session: narrow } = await openTiny({ contextSize: 64 });
    const { choices, usage } = await answer(narrow, chat('Tell me a story about a fox named Pip and a red kite.'));
    expect(choices[0]?.finish).toBe('length');
    expect((usage?.promptTokens ?? 0) + (usage?.completionTokens ?? 0)).toBe(64);
    const error = await failure(answer(narrow, complete('word '.repeat(100))), 'context_length_exceeded');
    expect(error.details).toEqual({ promptTokens: expect.any(Number) as number, contextLength: 64 });
    expect(error.message).toContain(String(error.details?.['promptTokens']));
    await small[Symbol.asyncDispose]();
  });

  test('with cancelled when its signal is aborted, and the others go on', async () => {
    const client = new AbortController();
    const other = answer(session, chat('Count from 3 to 9.'));
    const reader = run(session, complete('Once upon a time'), client.signal)[Symbol.asyncIterator]();
    await reader.next();
    client.abort();
    await failure(async () => {
      for (let i = 0; i < 3; i++) await reader.next();
    }, 'cancelled');
    expect((await other).choices[0]?.text).toBe(golden.answers['count']?.text);
  });

  test('when its consumer leaves', async () => {
    for (let i = 0; i < 8; i++) {
      for await (const event of run(session, complete('Once upon a time'))) {
        expect(event.type).toBe('text');
        break;
      }
    }
    expect((await answer(session, chat('Count from 3 to 9.'))).choices[0]?.text).toBe('3, 4, 5, 6, 7, 8, 9');
  });
});

describe('sampling', () => {
  const story = (seed: number | undefined, rest: object = {}) =>
    complete('Once upon a time', {
      maxTokens: 40,
      sampling: { temperature: 1.2, topK: 0, topP: 1, minP: 0, ...(seed !== undefined && { seed }), ...rest },
    });
  const texts = async (request: ReturnType<typeof complete>): Promise<string[]> =>
    (await answer(session, request)).choices.map(({ text }) => text);

  test('a seed gives the same answer, alone and beside others; another seed another', async () => {
    const [first] = await texts(story(7));
    const beside = await Promise.all([texts(story(7)), texts(story(8)), texts(story(9))]);
    expect(beside[0]).toEqual([first]);
    expect(new Set(beside.flat()).size).toBe(3);
  });

  test('the seed that llama.cpp reads as "any" is a seed like others', async () => {
    expect(await texts(story(0xffffffff))).toEqual(await texts(story(0xffffffff)));
  });

  test('choices differ, and together are the same again', async () => {
    const request = { ...story(3), choices: 6 };
    const first = await texts(request);
    expect(new Set(first).size).toBe(6);
    expect(await texts(request)).toEqual(first);
    expect(first[0]).toBe((await texts(story(3)))[0]);
  });

  test('without a seed answers differ', async () => {
    const all = await Promise.all(Array.from({ length: 3 }, () => texts(story(undefined))));
    expect(new Set(all.flat()).size).toBeGreaterThan(1);
  });

  test.each([
    ['frequencyPenalty', { frequencyPenalty: 2 }],
    ['presencePenalty', { presencePenalty: 2 }],
    ['repeatPenalty', { repeatPenalty: 2 }],
  ])('%s lowers repetition', async (_name, penalty) => {
    const repeated = async (sampling: object): Promise<number> => {
      const events = await eventsOf(
        session,
        complete('Once upon a time', {
          maxTokens: 60,
          sampling: { temperature: 0, ...sampling },
          logprobs: { top: 0 },
        }),
      );
      const tokens = ids(events);
      return tokens.length - new Set(tokens).size;
    };
    expect(await repeated(penalty)).toBeLessThan(await repeated({}));
  });

  test('logitBias forces and forbids tokens', async () => {
    const [first] = golden.answers['echo']?.tokens ?? [];
    const forbidden = await eventsOf(session, {
      ...chat('Repeat: blue stone 42'),
      sampling: { temperature: 0, logitBias: { [String(first)]: -100 } },
      logprobs: { top: 0 },
      maxTokens: 5,
    });
    expect(ids(forbidden)).not.toContain(first);
    const forced = await eventsOf(session, {
      ...chat('Hello!'),
      sampling: { temperature: 0, logitBias: { 66: 100 } },
      logprobs: { top: 0 },
      maxTokens: 3,
    });
    expect(ids(forced)).toEqual([66, 66, 66]);
    const error = await failure(
      answer(session, { ...chat('Hello!'), sampling: { logitBias: { 9999: 1 } } }),
      'invalid_request',
    );
    expect(error.message).toContain('9999');
  });
});

describe('logprobs', () => {
  test('are of the unmodified distribution and sum to less than one', async () => {
    const greedy = await answer(session, chat('Hello!', { logprobs: { top: 20 } }));
    const tokens = greedy.choices[0]?.logprobs ?? [];
    expect(tokens.map(({ id }) => id)).toEqual(golden.answers['hello']?.tokens);
    expect(tokens.map(({ text }) => text).join('')).toBe('Hello! How can I help you?');
    for (const { id, logprob, bytes, text, top } of tokens) {
      expect(top).toHaveLength(20);
      expect(top[0]).toEqual({ id, logprob, bytes, text });
      expect(top.map((each) => each.logprob)).toEqual(top.map((each) => each.logprob).sort((a, b) => b - a));
      const sum = top.reduce((total, each) => total + Math.exp(each.logprob), 0);
      expect(sum).toBeGreaterThan(0.5);
      expect(sum).toBeLessThanOrEqual(1 + 1e-5);
      expect(Buffer.from(bytes).toString()).toBe(text);
    }
    // Settings change what is drawn, not what the model thought of it.
    const hot = await answer(
      session,
      chat('Hello!', {
        sampling: { temperature: 5, topK: 1, repeatPenalty: 1.5, seed: 1 },
        logprobs: { top: 2 },
        maxTokens: 1,
      }),
    );
    expect(hot.choices[0]?.logprobs[0]?.logprob).toBeCloseTo(tokens[0]?.logprob ?? 0, 6);
  });

  test('of a token that is not among the top ones', async () => {
    const request = {
      ...chat('Hello!', { logprobs: { top: 1 }, maxTokens: 1 }),
      sampling: { temperature: 0, logitBias: { 66: 100 } },
    };
    const [token] = (await answer(session, request)).choices[0]?.logprobs ?? [];
    expect(token?.id).toBe(66);
    expect(token?.top.map(({ id }) => id)).toEqual([871]);
    expect(token?.logprob).toBeLessThan(token?.top[0]?.logprob ?? -Infinity);
  });
});

describe('prompts', () => {
  test('a prompt that was seen is reused but for its last token', async () => {
    const { provider: own, session: fresh } = await openTiny();
    const entry = golden.answers['tool_answer'];
    if (!entry) throw new Error('golden.json has no tool_answer');
    const length = entry.promptTokens.length;
    const cold = await answer(fresh, goldenRequest(entry));
    const warm = await answer(fresh, goldenRequest(entry));
    expect(cold.usage).toMatchObject({ promptTokens: length, cachedPromptTokens: 0 });
    expect(warm.usage).toMatchObject({ promptTokens: length, cachedPromptTokens: length - 1 });
    expect(warm.choices).toEqual(cold.choices);
    const next = await answer(
      fresh,
      complete([...entry.promptTokens, ...entry.tokens, 2, 19, 1, 302, 19], { maxTokens: 1 }),
    );
    // The answer is there; its end of turn was sampled but never evaluated.
    expect(next.usage?.cachedPromptTokens).toBe(length + entry.tokens.length);
    await own[Symbol.asyncDispose]();
  });

  test('echo gives the prompt first', async () => {
    const text = 'Once upon a time';
    const echoed = await answer(session, {
      ...complete(text, { maxTokens: 3, choices: 2 }),
      input: { type: 'text', prompt: text, echo: true },
    });
    const plain = await answer(session, complete(text, { maxTokens: 3 }));
    expect(echoed.choices.map((choice) => choice.text)).toEqual(Array(2).fill(text + (plain.choices[0]?.text ?? '')));
    const error = await failure(
      answer(session, {
        ...complete(text, { logprobs: { top: 0 } }),
        input: { type: 'text', prompt: text, echo: true },
      }),
      'unsupported',
    );
    expect(error.details).toEqual({ option: 'echo' });
  });

  test('empty and impossible prompts are refused', async () => {
    await failure(answer(session, complete('')), 'invalid_request');
    const error = await failure(answer(session, complete([1, 2560])), 'invalid_request');
    expect(error.message).toContain('2560');
  });

  test('an image is refused by name', async () => {
    const image = { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: '' } } as const;
    const error = await failure(
      answer(session, { ...chat(''), input: { type: 'chat', messages: [{ role: 'user', content: [image] }] } }),
      'unsupported',
    );
    expect(error.details).toMatchObject({ option: 'input.image' });
  });
});
