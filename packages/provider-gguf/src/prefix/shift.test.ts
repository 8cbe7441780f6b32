import { expect, test } from 'vitest';
import { collect, type InferenceResult } from '@golek/api/plain';
import type { InferenceEvent, ModelSession } from '@golek/providers-spi';
import type { GgufProviderOptions } from '../index.ts';
import { complete, eventsOf, failure, openTiny } from '../tiny-model.fixture.ts';

const noise = (seed: number, length: number): number[] =>
  Array.from({ length }, (_, i) => 300 + ((seed * 7919 + i * 104_729 + i * i * 31) % 2000));

const prompt = noise(1, 60);

const withTiny = async <T>(options: GgufProviderOptions, work: (session: ModelSession) => Promise<T>): Promise<T> => {
  const { provider, session } = await openTiny(options);
  try {
    return await work(session);
  } finally {
    await provider[Symbol.asyncDispose]();
  }
};

const warnings = (events: readonly InferenceEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));

const tokens = (events: readonly InferenceEvent[]): number =>
  events.reduce((sum, event) => sum + (event.type === 'usage' ? event.usage.completionTokens : 0), 0);

const long = complete(prompt, { maxTokens: 400, ignoreEos: true });

test('without it, an answer that fills the context ends with length', async () => {
  const events = await withTiny({ contextSize: 128 }, (session) => eventsOf(session, long));
  expect(tokens(events)).toBe(128 - 60);
  expect(events.find(({ type }) => type === 'finish')).toMatchObject({ reason: 'length' });
  expect(warnings(events)).toEqual([]);
});

test('with it, the answer goes on to the tokens that were asked for, with a warning for each shift', async () => {
  const events = await withTiny({ contextSize: 128, contextOverflow: 'shift' }, (session) => eventsOf(session, long));
  expect(tokens(events)).toBe(400);
  // 128 cells, of which the prompt stays: each shift discards half of the others.
  const shifts = warnings(events);
  expect(shifts[0]).toContain('34 of its older tokens');
  expect(shifts).toHaveLength(10);
});

test('an answer of unknown length is not endless', async () => {
  const request = complete(prompt, { ignoreEos: true });
  const events = await withTiny({ contextSize: 128, contextOverflow: 'shift' }, (session) =>
    eventsOf(session, request),
  );
  expect(tokens(events)).toBe(128 - 60);
});

test('the answer is the same beside others and after others', async () => {
  const answer = (session: ModelSession, n: number): Promise<InferenceResult> =>
    collect(
      session.run(complete([...prompt, ...noise(n, 8)], { maxTokens: 150, ignoreEos: true }), {
        id: 'test',
        signal: new AbortController().signal,
      }),
    );
  const options: GgufProviderOptions = { contextSize: 128, contextOverflow: 'shift', keepTokens: 20, parallel: 2 };
  const alone = await withTiny(options, (session) => answer(session, 5));
  const others = await withTiny(options, async (session) => {
    const together = await Promise.all([answer(session, 5), answer(session, 6), answer(session, 7)]);
    return [together[0], await answer(session, 5), await answer(session, 5)];
  });
  for (const other of others) expect(other.choices[0]?.text).toBe(alone.choices[0]?.text);
  // Only what was kept may be used again.
  expect(others[2]!.usage?.cachedPromptTokens).toBe(20);
});

test('a prompt that does not fit is an error all the same', async () => {
  await withTiny({ contextSize: 128, contextOverflow: 'shift' }, (session) =>
    failure(eventsOf(session, complete(noise(1, 200))), 'context_length_exceeded'),
  );
});

test('quantised keys are shifted too', async () => {
  const options = { contextSize: 128, contextOverflow: 'shift', kvCacheType: 'q8_0/f16' } as const;
  expect(tokens(await withTiny(options, (session) => eventsOf(session, long)))).toBe(400);
});
