import { setTimeout as sleep } from 'node:timers/promises';
import { collect } from '@golek/api/plain';
import { afterEach, expect, it, vi } from 'vitest';
import { CONTRACT_MODEL, generate } from '../fixtures/contract-model.ts';
import { IsolatedFake } from '../fixtures/isolated-fake.ts';
import type { InferenceEvent, ModelSession } from '../index.ts';
import { chooseThreads } from '../machine/index.ts';
import { threadShares } from '../machine/thread-shares.ts';

const { signal } = new AbortController();
/** More than any machine has, so that two divide all of it. */
const MOST = 4_096;
const [FIRST, SECOND] = threadShares([MOST, MOST], chooseThreads());
const { answer: _, ...model } = CONTRACT_MODEL;

const fakes: IsolatedFake[] = [];
const isolated = (...options: ConstructorParameters<typeof IsolatedFake>): IsolatedFake => {
  const fake = new IsolatedFake(...options);
  fakes.push(fake);
  return fake;
};
afterEach(async () => {
  for (const fake of fakes.splice(0)) await fake[Symbol.asyncDispose]();
});

const open = (fake: IsolatedFake, name: string): Promise<ModelSession> =>
  fake.provider.open({ name, location: 'contract' }, { signal });

/** What the engine was told before this run, all of it. */
const told = async (session: ModelSession): Promise<number[]> => {
  const { choices } = await collect(session.run(generate('threads'), { id: 't', signal }));
  const text = choices[0]?.text ?? '';
  return text === '' ? [] : text.split(' ').map(Number);
};

/** A run that goes on until it is left. */
const busy = async (session: ModelSession): Promise<AsyncIterator<InferenceEvent>> => {
  const events = session.run(generate('long'), { id: 'busy', signal })[Symbol.asyncIterator]();
  await events.next();
  return events;
};

const options = { model: { ...model, contextLength: 1_000_000, answer: Array.from({ length: 100_000 }, () => 'x') } };

it('engines that are busy at once share the threads, and one that is busy alone has its own', async () => {
  const fake = isolated({ ...options, threads: MOST });
  const [first, second, third] = [await open(fake, 'a'), await open(fake, 'b'), await open(fake, 'c')];
  expect(await told(first)).toEqual([]);
  await sleep(1_100);
  const a = await busy(first);
  const b = await busy(second);
  expect(await told(first)).toEqual([FIRST]);
  expect(await told(second)).toEqual([SECOND]);
  // No thread is needed for it.
  await collect(third.run({ task: 'tokenize', model: 'c', text: 'x' }, { id: 'c', signal }));
  expect(await told(first)).toEqual([FIRST]);
  await a.return?.();
  await vi.waitFor(async () => expect(await told(second)).toEqual([SECOND, MOST]), 5_000);
  await b.return?.();
  await third[Symbol.asyncDispose]();
});

it('an engine that ends leaves its threads to the others, and the next one has what is left from its first run on', async () => {
  const fake = isolated({ ...options, threads: MOST });
  const first = await open(fake, 'a');
  const { pid } = await fake.engine();
  const second = await open(fake, 'b');
  const a = await busy(first);
  const b = await busy(second);
  process.kill(pid, 'SIGKILL');
  await expect(
    (async () => {
      while (!(await a.next()).done);
    })(),
  ).rejects.toMatchObject({ code: 'engine_crashed' });
  expect(await told(second)).toEqual([SECOND, MOST]);
  // Second in the order now.
  expect(await told(first)).toEqual([SECOND]);
  await b.return?.();
});

it('they are left alone where threads are not shared, or cannot be changed', async () => {
  const fake = isolated({ ...options, threads: MOST }, {}, false);
  const fixed = isolated(options);
  for (const each of [fake, fixed]) {
    const [first, second] = [await open(each, 'a'), await open(each, 'b')];
    const runs = [await busy(first), await busy(second)];
    expect([await told(first), await told(second)]).toEqual([[], []]);
    for (const events of runs) await events.return?.();
  }
});
