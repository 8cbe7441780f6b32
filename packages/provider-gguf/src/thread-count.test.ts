import { setTimeout as sleep } from 'node:timers/promises';
import type { ModelSession, Provider } from '@golek/providers-spi';
import { chooseThreads } from '@golek/providers-spi/machine';
import { expect, test } from 'vitest';
import { createGgufProvider, createIsolatedGgufProvider, type GgufProviderOptions } from './index.ts';
import { ThreadCount } from './thread-count.ts';
import { tinySource } from './tiny-model.fixture.ts';

const { signal } = new AbortController();

test('a count stays between one and what the model was given', () => {
  const threads = new ThreadCount(4);
  const seen = [threads.now];
  for (const count of [2, 9, 0, 4]) {
    threads.use(count);
    seen.push(threads.now);
  }
  expect(seen).toEqual([4, 2, 4, 1, 4]);
});

const open = (provider: Provider, name: string): Promise<ModelSession> =>
  provider.open({ ...tinySource, name }, { signal });

const text = async (session: ModelSession, onText?: () => void): Promise<string> => {
  let answer = '';
  const input = { type: 'text' as const, prompt: 'Golek is' };
  const request = { task: 'generate' as const, model: 'm', input, maxTokens: 16, sampling: { temperature: 0 } };
  for await (const event of session.run(request, { id: '1', signal })) {
    if (event.type !== 'text') continue;
    answer += event.text;
    onText?.();
  }
  expect(answer.length).toBeGreaterThan(10);
  return answer;
};

const MOST = 2;
const settings = { gpu: false, threads: MOST, contextSize: 128, parallel: 1 } as const;
/** Of two that are busy. Only a machine with a default of more than two threads has two for one of them. */
const SHARES = chooseThreads().threads > MOST ? [2, chooseThreads().threads > 3 ? 2 : 1] : [1, 1];
// Threads that are not shared are slow where other programs work, too.
const PATIENT = { timeout: 120_000 };

const threadsOf = (session: ModelSession): number | undefined => session.health().load?.threads;

test('models of one process share it while both are busy', PATIENT, async () => {
  await using provider = createGgufProvider(settings);
  await using a = await open(provider, 'a');
  await using b = await open(provider, 'b');
  const alone = await text(a, () => expect(threadsOf(a)).toBe(MOST));
  // `a` is busy for another second, and the first in the order.
  const second = text(b, () => expect([threadsOf(a), threadsOf(b)]).toEqual(SHARES));
  const first = text(a, () => expect([threadsOf(a), threadsOf(b)]).toEqual(SHARES));
  expect(await Promise.all([first, second])).toEqual([alone, alone]);
  await sleep(1_100);
  expect(await text(b, () => expect(threadsOf(b)).toBe(MOST))).toBe(alone);
});

test('they do not where that is switched off', PATIENT, async () => {
  await using provider = createGgufProvider({ ...settings, shareThreads: false });
  await using a = await open(provider, 'a');
  await using b = await open(provider, 'b');
  const answers = [a, b].map((each) => text(each, () => expect(threadsOf(each)).toBe(MOST)));
  expect(new Set(await Promise.all(answers)).size).toBe(1);
});

test.each<[string, GgufProviderOptions]>([
  ['the scheduler', {}],
  ["the binding's evaluate()", { scheduler: 'evaluate' }],
])('models in processes of their own share the machine, by %s', PATIENT, async (_, options) => {
  await using provider = createIsolatedGgufProvider({ ...settings, ...options });
  await using a = await open(provider, 'a');
  await using b = await open(provider, 'b');
  const alone = await text(a);
  /** Answers until the test has seen, in what the engines tell each second, how many threads they have. */
  const until = async (sessions: readonly ModelSession[], threads: readonly number[]): Promise<void> => {
    let seen = false;
    const runs = sessions.map(async (session) => {
      while (!seen) expect(await text(session)).toBe(alone);
    });
    await expect.poll(() => sessions.map(threadsOf).toSorted(), { timeout: 45_000 }).toEqual(threads.toSorted());
    seen = true;
    await Promise.all(runs);
  };
  await until([a, b], SHARES);
  await until([b], [MOST]);
});
