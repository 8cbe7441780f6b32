import { GolekError, type InferenceEvent } from '@golek/api';
import { expect, test } from 'vitest';
import { eventsFrom } from './events.fixture.ts';
import { severalRuns } from './several-runs.ts';

const all = async (events: AsyncIterable<InferenceEvent>): Promise<InferenceEvent[]> => {
  const seen: InferenceEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
};

const run = (name: string, choices: number, cached?: number) => () => {
  const indexes = Array.from({ length: choices }, (_, choice) => choice);
  return eventsFrom([
    { type: 'start', model: 'tiny', provider: 'fake' },
    ...indexes.map((choice) => ({ type: 'text' as const, choice, text: `${name}${choice}` })),
    ...indexes.map((choice) => ({ type: 'finish' as const, choice, reason: 'stop' as const })),
    {
      type: 'usage',
      usage: { promptTokens: 2, completionTokens: 3, ...(cached !== undefined && { cachedPromptTokens: cached }) },
    },
  ]);
};

test('one start, choices numbered on, one usage that adds up', async () => {
  const events = await all(severalRuns([run('a', 2), run('b', 2, 1)], 2));
  expect(events.filter(({ type }) => type === 'start')).toHaveLength(1);
  expect(events[0]?.type).toBe('start');
  const texts = events.flatMap((event) => (event.type === 'text' ? [[event.choice, event.text]] : []));
  expect(Object.fromEntries(texts)).toEqual({ 0: 'a0', 1: 'a1', 2: 'b0', 3: 'b1' });
  expect(events.filter(({ type }) => type === 'finish')).toHaveLength(4);
  expect(events.at(-1)).toEqual({
    type: 'usage',
    usage: { promptTokens: 4, completionTokens: 6, cachedPromptTokens: 1 },
  });
});

test('at most eight runs are in progress, and they take turns', async () => {
  let active = 0;
  let most = 0;
  const order: number[] = [];
  const slow = (index: number) =>
    async function* (): AsyncGenerator<InferenceEvent> {
      most = Math.max(most, (active += 1));
      for (let step = 0; step < 3; step += 1) {
        await Promise.resolve();
        order.push(index);
        yield { type: 'text', choice: 0, text: '.' };
      }
      yield { type: 'finish', choice: 0, reason: 'stop' };
      active -= 1;
    };
  const events = await all(
    severalRuns(
      Array.from({ length: 20 }, (_, index) => slow(index)),
      1,
    ),
  );
  expect(most).toBe(8);
  expect(events.filter(({ type }) => type === 'finish')).toHaveLength(20);
  expect(new Set(order.slice(0, 8)).size).toBe(8);
});

test('the first failure ends the stream and the other runs', async () => {
  let ended = 0;
  const endless = async function* (): AsyncGenerator<InferenceEvent> {
    try {
      for (;;) yield { type: 'text', choice: 0, text: '.' };
    } finally {
      ended += 1;
    }
  };
  const failing = async function* (): AsyncGenerator<InferenceEvent> {
    yield { type: 'text', choice: 0, text: '.' };
    throw new GolekError('engine_crashed', 'gone');
  };
  await expect(all(severalRuns([endless, failing, endless], 1))).rejects.toMatchObject({ code: 'engine_crashed' });
  await new Promise(setImmediate);
  expect(ended).toBe(2);
});

test('leaving early ends the runs', async () => {
  let ended = 0;
  const endless = async function* (): AsyncGenerator<InferenceEvent> {
    try {
      for (;;) yield { type: 'text', choice: 0, text: '.' };
    } finally {
      ended += 1;
    }
  };
  for await (const event of severalRuns([endless, endless], 1)) if (event.type === 'text') break;
  await new Promise(setImmediate);
  expect(ended).toBe(2);
});
