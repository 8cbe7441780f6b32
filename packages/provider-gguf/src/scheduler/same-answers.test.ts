import { describe, expect, test } from 'vitest';
import type { InferenceEvent, ModelSession } from '@golek/providers-spi';
import type { GgufProviderOptions } from '../index.ts';
import { complete, eventsOf, golden, openTiny } from '../tiny-model.fixture.ts';

const tokensOf = (events: readonly InferenceEvent[]): number[] =>
  events.flatMap((event) => (event.type === 'text' ? (event.logprobs ?? []).map(({ id }) => id ?? -1) : []));

const entries = Object.values(golden.answers);

/** Tokens of all golden answers, so many of them at once, each as soon as a place is free. */
const answersOf = async (session: ModelSession, concurrency: number): Promise<number[][]> => {
  const answers: number[][] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < entries.length; index = next++) {
      const entry = entries[index];
      if (!entry) return;
      const request = complete([...entry.promptTokens], { maxTokens: 200, logprobs: { top: 0 } });
      answers[index] = tokensOf(await eventsOf(session, request));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return answers;
};

const withModel = async <T>(options: GgufProviderOptions, work: (session: ModelSession) => Promise<T>): Promise<T> => {
  const { provider, session } = await openTiny(options);
  try {
    return await work(session);
  } finally {
    await provider[Symbol.asyncDispose]();
  }
};

describe('the golden answers', () => {
  test.each([1, 3, 8])('are the same %i at once, cold and from the cache, with guesses and without', async (n) => {
    const reference = await withModel({ parallel: 1 }, (session) => answersOf(session, 1));
    for (const [index, entry] of entries.entries()) {
      const stable = entry.tokens.slice(0, Math.min(200, entry.stableTokens));
      expect(reference[index]?.slice(0, stable.length)).toEqual(stable);
    }
    for (const speculation of ['off', 'prompt-lookup'] as const) {
      await withModel({ parallel: n, speculation }, async (session) => {
        expect(await answersOf(session, n)).toEqual(reference);
        // Now every prompt begins with what some slot holds.
        expect(await answersOf(session, n)).toEqual(reference);
      });
    }
  });

  test('are the same for the choices of one request, which share the cells of its prompt', async () => {
    const entry = golden.answers['tool_answer'];
    const prompt = [...(entry?.promptTokens ?? [])];
    await withModel({ parallel: 4 }, async (session) => {
      const events = await eventsOf(session, complete(prompt, { maxTokens: 40, choices: 4 }));
      const texts = [0, 1, 2, 3].map((choice) =>
        events.map((event) => (event.type === 'text' && event.choice === choice ? event.text : '')).join(''),
      );
      expect(new Set(texts).size).toBe(1);
      expect(texts[0]).not.toBe('');
      const usage = events.at(-1);
      expect(usage).toMatchObject({ usage: { promptTokens: prompt.length } });
    });
  });
});

describe('with guesses, what is drawn is the same', () => {
  const pattern = 'one two three one two three one two three one two';
  test.each([
    ['with a seed', { sampling: { temperature: 1, seed: 5, topK: 0, topP: 1, minP: 0 } }],
    ['with penalties', { sampling: { temperature: 0.8, seed: 5, repeatPenalty: 1.2, frequencyPenalty: 0.5 } }],
    ['with a grammar', { output: { type: 'grammar', grammar: 'root ::= ("one " | "two " | "three ")+' } as const }],
    ['with a stop string', { stop: ['three'] }],
    ['with log-probabilities', { logprobs: { top: 3 } }],
  ])('%s', async (_name, rest) => {
    const request = complete(pattern, { maxTokens: 60, ...rest });
    const answers: InferenceEvent[][] = [];
    const guessed: (number | undefined)[] = [];
    for (const speculation of ['off', 'prompt-lookup'] as const) {
      await withModel({ speculation }, async (session) => {
        for (let i = 0; i < 3; i++) answers.push((await eventsOf(session, request)).slice(0, -1));
        guessed.push(session.health().load?.speculation?.guessed);
      });
    }
    for (const events of answers) expect(events).toEqual(answers[0]);
    expect(guessed).toEqual([undefined, expect.any(Number)]);
    expect(guessed[1]).toBeGreaterThan(0);
  });
});

test('200 aborts leave no place taken and no listener', async () => {
  await withModel({ parallel: 2, queueLimit: 8 }, async (session) => {
    const controller = new AbortController();
    for (let i = 0; i < 200; i++) {
      const own = new AbortController();
      const signal = i % 2 === 0 ? own.signal : controller.signal;
      const events = session.run(complete('Once upon a time', { maxTokens: 50 }), { id: String(i), signal });
      const reader = events[Symbol.asyncIterator]();
      await reader.next();
      own.abort();
      await (i % 2 === 0 ? expect(reader.next().then(() => reader.next())).rejects.toThrow() : reader.return?.());
    }
    await expect.poll(() => session.health().load).toMatchObject({ running: 0, waiting: 0, kvCache: 0 });
  });
});
