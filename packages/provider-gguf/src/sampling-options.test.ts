import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GenerateRequest, ModelSession, Provider, Sampling } from '@golek/providers-spi';
import { answer, chat, complete, eventsOf, failure, openTiny, user } from './tiny-model.fixture.ts';

let provider: Provider;
let session: ModelSession;

beforeAll(async () => {
  ({ provider, session } = await openTiny({ parallel: 8 }));
});
afterAll(() => provider[Symbol.asyncDispose]());

const textOf = async (request: GenerateRequest): Promise<string> =>
  (await answer(session, request)).choices[0]?.text ?? '';

const story = (sampling: Sampling, rest: Partial<GenerateRequest> = {}): GenerateRequest => ({
  ...complete('Once upon a time', { maxTokens: 40 }),
  sampling,
  ...rest,
});

describe('the same seed gives the same text', () => {
  const hot = { temperature: 1, topK: 0, topP: 1, minP: 0 };
  const settings: readonly (readonly [string, Sampling])[] = [
    ['temperature 1', hot],
    ['penalties', { ...hot, frequencyPenalty: 0.5, presencePenalty: 0.5, repeatPenalty: 1.2, repeatLastTokens: 8 }],
    ['XTC', { ...hot, xtc: { probability: 0.5, threshold: 0.1 } }],
    ['DRY', { ...hot, dry: { multiplier: 0.8 } }],
  ];
  test.each(settings)('with %s, alone and beside 2 and 7 others', async (_name, sampling) => {
    const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
    const alone: string[] = [];
    for (const seed of seeds) alone.push(await textOf(story({ ...sampling, seed })));
    expect(new Set(alone).size).toBe(seeds.length);
    const three = await Promise.all(seeds.slice(0, 3).map((seed) => textOf(story({ ...sampling, seed }))));
    expect(three).toEqual(alone.slice(0, 3));
    expect(await Promise.all(seeds.map((seed) => textOf(story({ ...sampling, seed }))))).toEqual(alone);
  });
});

describe('samplers', () => {
  const greedy = { temperature: 0 };
  const goOn = (prompt: string, sampling: Sampling): Promise<string> =>
    textOf({ ...complete(prompt, { maxTokens: 80, ignoreEos: true }), sampling });

  test('DRY ends repetitions, unless it is off or breaks at every token', async () => {
    // Greedy, this model repeats what it is given.
    const loop = (sampling: Sampling): Promise<string> => goOn('a b a b a b a b a b', { ...greedy, ...sampling });
    const plain = await loop({});
    expect(plain).toMatch(/( bel){20}/);
    expect(await loop({ dry: { multiplier: 3, allowedLength: 1 } })).not.toMatch(/( bel){4}/);
    expect(await loop({ dry: { multiplier: 0 } })).toBe(plain);
    expect(await loop({ dry: { multiplier: 3, lastTokens: 0 } })).toBe(plain);
    expect(await loop({ dry: { multiplier: 3, allowedLength: 1000 } })).toBe(plain);
    expect(await loop({ dry: { multiplier: 3, allowedLength: 1, sequenceBreakers: ['b', 'e', 'l', ' '] } })).toBe(
      plain,
    );
  });

  test('XTC drops the best token where others are probable, and never without', async () => {
    const loop = (sampling: Sampling): Promise<string> => goOn('Once upon a time', { ...greedy, ...sampling });
    const plain = await loop({});
    expect(await loop({ xtc: { probability: 1, threshold: 0.05 } })).not.toBe(plain);
    expect(await loop({ xtc: { probability: 0, threshold: 0.05 } })).toBe(plain);
    expect(await loop({ xtc: { probability: 1, threshold: 0.51 } })).toBe(plain);
  });

  test('penalties see as many tokens as they are told', async () => {
    const loop = (sampling: Sampling): Promise<string> =>
      goOn('the the the the the the the the', { ...greedy, ...sampling });
    const plain = await loop({});
    const all = await loop({ repeatPenalty: 1.5 });
    expect(await loop({ repeatPenalty: 1.5, repeatLastTokens: 0 })).toBe(plain);
    const last = await loop({ repeatPenalty: 1.5, repeatLastTokens: 3 });
    expect(new Set([plain, all, last]).size).toBe(3);
    expect(await loop({ repeatPenalty: 1.5, repeatLastTokens: 1_000_000 })).toBe(all);
  });
});

describe('ends', () => {
  const counting = 'Count from 3 to 9.';

  test('the end of the turn is never chosen where that is asked for', async () => {
    const { choices, usage } = await answer(session, chat(counting, { ignoreEos: true, maxTokens: 100 }));
    expect(choices[0]).toMatchObject({ finish: 'length' });
    expect(choices[0]?.text).toMatch(/^3, 4, 5, 6, 7, 8, 9/);
    expect(usage?.completionTokens).toBe(100);
    const stopped = await answer(session, chat(counting, { ignoreEos: true, stop: ['6'], maxTokens: 100 }));
    expect(stopped.choices[0]).toMatchObject({ text: '3, 4, 5, ', finish: 'stop', stop: '6' });
    const json = await failure(
      answer(session, chat(counting, { ignoreEos: true, output: { type: 'json' } })),
      'unsupported',
    );
    expect(json.details).toEqual({ option: 'ignoreEos' });
  });

  test('a stop token ends the answer before it', async () => {
    const { tokens } = await answer(session, { task: 'tokenize', model: 'golek-tiny', text: '3, 4, 5, 6' });
    const six = tokens.at(-1) ?? 0;
    const { choices, usage } = await answer(session, chat(counting, { stopTokens: [six] }));
    expect(choices[0]).toMatchObject({ text: '3, 4, 5, ', finish: 'stop' });
    expect(choices[0]).not.toHaveProperty('stop');
    expect(usage?.completionTokens).toBe(tokens.length - 1);
    const wrong = await failure(answer(session, chat(counting, { stopTokens: [1e6] })), 'invalid_request');
    expect(wrong.details).toEqual({ field: 'stopTokens' });
  });

  test('one token is the least', async () => {
    const { choices, usage } = await answer(session, chat(counting, { maxTokens: 1 }));
    expect(choices[0]).toMatchObject({ text: '3', finish: 'length' });
    expect(usage?.completionTokens).toBe(1);
  });

  test('a stop string of characters that are spread over tokens', async () => {
    const output = { type: 'grammar', grammar: 'root ::= "a 日本 🎉 end"' } as const;
    for (const [stop, text] of [
      ['本', 'a 日'],
      ['🎉 e', 'a 日本 '],
      ['🎊', 'a 日本 🎉 end'],
    ] as const) {
      const { choices } = await answer(session, complete('Say:', { output, stop: [stop], maxTokens: 60 }));
      expect(choices[0]?.text).toBe(text);
    }
  });
});

describe('the best of several', () => {
  const sampling = { temperature: 1.5, seed: 3 };
  const mean = (logprobs: readonly { logprob: number }[]): number =>
    logprobs.reduce((sum, one) => sum + one.logprob, 0) / logprobs.length;

  test('are those with the highest mean log-probability, in order', async () => {
    // The limit ends every answer, so that no end token counts.
    const rest = { maxTokens: 12, ignoreEos: true } as const;
    const all = await answer(session, story(sampling, { ...rest, choices: 6, logprobs: { top: 0 } }));
    const ranked = all.choices
      .map(({ text, logprobs }) => ({ text, rating: mean(logprobs) }))
      .sort((a, b) => b.rating - a.rating);
    const best = await answer(session, story(sampling, { ...rest, choices: 2, bestOf: 6, logprobs: { top: 2 } }));
    expect(best.choices.map(({ text }) => text)).toEqual(ranked.slice(0, 2).map(({ text }) => text));
    expect(best.choices.every(({ logprobs }) => logprobs.length === 12 && logprobs[0]?.top.length === 2)).toBe(true);
    expect(best.usage?.completionTokens).toBe(72);
    const plain = await eventsOf(session, story(sampling, { ...rest, bestOf: 6 }));
    expect(plain.filter(({ type }) => type === 'finish')).toHaveLength(1);
    expect(plain.every((event) => event.type !== 'text' || event.logprobs === undefined)).toBe(true);
  });

  test('with an echo and as many as are kept', async () => {
    const input = { type: 'text', prompt: 'Once', echo: true } as const;
    const { choices } = await answer(session, { ...story(sampling), input, bestOf: 3, maxTokens: 3 });
    expect(choices.map(({ text }) => text.slice(0, 4))).toEqual(['Once']);
    const error = await failure(answer(session, story(sampling, { choices: 3, bestOf: 2 })), 'invalid_request');
    expect(error.details).toEqual({ field: 'bestOf' });
  });

  test('end with their signal', async () => {
    const client = new AbortController();
    const ended = answer(session, story(sampling, { bestOf: 8, maxTokens: 2000, ignoreEos: true }), client.signal);
    setTimeout(() => client.abort(), 20);
    await failure(ended, 'cancelled');
    expect(await textOf(chat('Count from 3 to 9.'))).toBe('3, 4, 5, 6, 7, 8, 9');
  });
});

test('log-probabilities of several choices', async () => {
  const { choices } = await answer(session, story({ temperature: 1, seed: 1 }, { choices: 3, logprobs: { top: 1 } }));
  for (const { text, logprobs } of choices) expect(logprobs.map((one) => one.text).join('')).toBe(text);
});

test.each([
  ['input.image', { messages: [{ role: 'user', content: [{ type: 'image', source: { kind: 'url', url: 'x' } }] }] }],
  ['reasoning.enabled', { reasoning: { enabled: false } }],
  ['reasoning.effort', { reasoning: { effort: 'low' } }],
  ['templateOptions', { templateOptions: { enable_thinking: false } }],
] as const)('%s is refused by name', async (option, rest) => {
  const input = { type: 'chat', messages: [user('Hi')], ...rest } as GenerateRequest['input'];
  const error = await failure(answer(session, { ...chat('Hi'), input }), 'unsupported');
  expect(error.details).toMatchObject({ option });
});
