import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collect } from '@golek/api/plain';
import type { ModelSession, Provider } from '@golek/providers-spi';
import { createGgufProvider, type GgufProviderOptions } from '../index.ts';
import { complete, failure } from '../tiny-model.fixture.ts';
import { PLAIN_TOKENS, WINDOW, writeRecurrentModel, writeWindowModel } from './odd-memory.fixture.ts';

let folder: string;
const opened: Provider[] = [];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'golek-odd-'));
});
const closeAll = async (): Promise<void> => {
  for (const provider of opened.splice(0)) await provider[Symbol.asyncDispose]();
};
afterEach(async () => {
  await closeAll();
  await rm(folder, { recursive: true, force: true });
});

const open = async (location: string, options: GgufProviderOptions = {}): Promise<ModelSession> => {
  const provider = createGgufProvider({ threads: 1, gpu: false, ...options });
  opened.push(provider);
  return provider.open({ name: 'odd', location }, { signal: new AbortController().signal });
};

const noise = (seed: number, length: number): number[] =>
  Array.from(
    { length },
    (_, i) => PLAIN_TOKENS.first + ((seed * 7919 + i * 104_729 + i * i * 31) % PLAIN_TOKENS.count),
  );

interface Answered {
  readonly text: string;
  readonly cached: number | undefined;
}

/** The tokens of the answer and how likely each was: such a model may say the same to everything. */
const ask = async (session: ModelSession, prompt: number[]): Promise<Answered> => {
  const request = complete(prompt, { maxTokens: 16, ignoreEos: true, logprobs: { top: 0 } });
  const { choices, usage } = await collect(session.run(request, { id: 'x', signal: new AbortController().signal }));
  const tokens = choices[0]?.logprobs.map(({ id, logprob }) => `${String(id)} ${logprob.toFixed(3)}`) ?? [];
  expect(tokens).toHaveLength(16);
  return { text: tokens.join(', '), cached: usage?.cachedPromptTokens };
};

const system = noise(1, 4 * WINDOW);
const question = (n: number): number[] => [...system, ...noise(100 + n, 40)];

describe.each([
  ['a sliding window', writeWindowModel],
  ['one state', writeRecurrentModel],
])('memory that is %s', (_, write) => {
  let model: string;
  beforeEach(async () => {
    model = await write(path.join(folder, 'model.gguf'));
  });

  const cold = async (prompt: number[]): Promise<string> => {
    const session = await open(model, { parallel: 1 });
    const { text, cached } = await ask(session, prompt);
    expect(cached).toBe(0);
    return text;
  };

  /** On a busy machine a read can take longer than such a small model takes to evaluate the tokens; then that is done, and the next question finds the state. */
  const restored = async (session: ModelSession, from: number): Promise<void> => {
    const reused: (number | undefined)[] = [];
    for (let n = from; n < from + 10 && !reused.includes(system.length); n++) {
      const { text, cached } = await ask(session, question(n));
      expect(text).toBe(await cold(question(n)));
      reused.push(cached);
    }
    expect(reused).toContain(system.length);
  };

  test('a prompt that leaves the slot’s one before its end is evaluated from its start', async () => {
    // So long, and the steps so short, that the window has moved on.
    const long = (n: number): number[] => [...noise(3, 700), ...noise(100 + n, 40)];
    const session = await open(model, { parallel: 2, batchSize: 64 });
    await ask(session, long(1));
    const other = await ask(session, long(2));
    expect(other).toEqual({ text: await cold(long(2)), cached: 0 });
  });

  test('requests that come together get the answers that they get alone', async () => {
    const session = await open(model, { parallel: 3 });
    const answers = await Promise.all([1, 2, 3].map((n) => ask(session, question(n))));
    for (const [i, { text }] of answers.entries()) expect(text).toBe(await cold(question(i + 1)));
  });

  test('a common beginning is saved where it ends, and restored by other processes', async () => {
    const states = path.join(folder, 'states');
    const options = { prefixCacheDir: states, parallel: 2 };
    const first = await open(model, options);
    // The first state shows that the memory cannot be cut; the second one is exact.
    for (const n of [1, 2]) await ask(first, [...noise(9, 200), ...noise(200 + n, 40)]);
    for (const n of [1, 2]) await ask(first, question(n));
    await restored(first, 3);
    await closeAll();
    expect((await readdir(states)).length).toBeGreaterThan(0);
    await restored(await open(model, options), 20);
  });

  test('contextOverflow shift is refused by name', async () => {
    const refused = await failure(open(model, { contextOverflow: 'shift' }), 'unsupported');
    expect(refused.message).toContain("'odd'");
  });
});

test('a window whose cache is kept whole is cut like any other', async () => {
  const model = await writeWindowModel(path.join(folder, 'model.gguf'));
  const session = await open(model, { parallel: 1, swaFullCache: true });
  const alone = await ask(session, question(2));
  await ask(session, question(1));
  const reused = await ask(session, question(2));
  expect(reused).toEqual({ text: alone.text, cached: system.length });
});
