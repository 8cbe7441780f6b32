import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { collect, type InferenceResult } from '@golek/api/plain';
import type { Log, ModelSession, Provider } from '@golek/providers-spi';
import { createIsolatedGgufProvider, type GgufProviderOptions } from '../index.ts';
import { complete, openTiny, tinySource } from '../tiny-model.fixture.ts';

let folder: string;
const opened: Provider[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'golek-prefix-'));
});

afterEach(async () => {
  for (const provider of opened.splice(0)) await provider[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const openModel = async (options: GgufProviderOptions = {}): Promise<ModelSession> => {
  const { provider, session } = await openTiny({ prefixCacheDir: folder, ...options });
  opened.push(provider);
  return session;
};

const closeAll = async (): Promise<void> => {
  for (const provider of opened.splice(0)) await provider[Symbol.asyncDispose]();
};

const ask = (session: ModelSession, prompt: number[], tenant?: string): Promise<InferenceResult> =>
  collect(
    session.run(complete(prompt, { maxTokens: 12 }), {
      id: 'test',
      signal: new AbortController().signal,
      ...(tenant !== undefined && { tenant }),
    }),
  );

/** Tokens that mean nothing, the same each time. */
const noise = (seed: number, length: number): number[] =>
  Array.from({ length }, (_, i) => 300 + ((seed * 7919 + i * 104_729 + i * i * 31) % 2000));

const system = noise(1, 400);
const question = (n: number): number[] => [...system, ...noise(100 + n, 60)];

const states = async (): Promise<string[]> => (await readdir(folder)).filter((file) => file.endsWith('.state'));

const text = (result: InferenceResult): string => result.choices[0]?.text ?? '';

/** What it answers when nothing is reused. */
const cold = async (prompt: number[]): Promise<string> => {
  const { provider, session } = await openTiny();
  const result = await ask(session, prompt);
  await provider[Symbol.asyncDispose]();
  expect(result.usage?.cachedPromptTokens).toBe(0);
  return text(result);
};

const logOf = (): { readonly lines: string[]; readonly log: Log } => {
  const lines: string[] = [];
  const add = (_fields: object, message: string): void => void lines.push(message);
  return { lines, log: { debug: add, info: add, warn: add, error: add } };
};

/** Saves the state of the common beginning and closes the model that made it. */
const prime = async (tenant?: string, options: GgufProviderOptions = {}): Promise<void> => {
  const session = await openModel(options);
  await ask(session, question(1), tenant);
  await ask(session, question(2), tenant);
  await closeAll();
};

const damage = async (file: string, change: (content: Buffer) => Buffer): Promise<void> => {
  const content = await readFile(path.join(folder, file));
  await writeFile(path.join(folder, file), change(content));
};

const flip = (content: Buffer): Buffer => {
  const at = content.length >> 1;
  content[at] = (content[at] ?? 0) ^ 1;
  return content;
};

describe('a beginning that two prompts have in common', () => {
  test('is cut out of the slot that has it', async () => {
    const session = await openModel({ parallel: 1 });
    await ask(session, question(1));
    const result = await ask(session, question(2));
    expect(result.usage?.cachedPromptTokens).toBe(system.length);
    expect(text(result)).toBe(await cold(question(2)));
  });

  test('is copied from a slot whose answer still runs', async () => {
    const session = await openModel({ parallel: 2 });
    const events = session
      .run(complete(question(1), { maxTokens: 400 }), { id: 'long', signal: new AbortController().signal })
      [Symbol.asyncIterator]();
    await events.next();
    const result = await ask(session, question(2));
    expect(result.usage?.cachedPromptTokens).toBe(system.length);
    expect(text(result)).toBe(await cold(question(2)));
    expect((await events.next()).done).toBe(false);
    await events.return?.();
  });

  test('is evaluated once for requests that come together', async () => {
    const session = await openModel({ parallel: 4 });
    const results = await Promise.all([1, 2, 3, 4].map((n) => ask(session, question(n))));
    const reused = results.map(({ usage }) => usage?.cachedPromptTokens);
    expect(reused.sort()).toEqual([0, 400, 400, 400]);
    for (const [i, result] of results.entries()) expect(text(result)).toBe(await cold(question(i + 1)));
  });

  test('is saved, and restored by another process with the same answer', async () => {
    const first = await openModel();
    await ask(first, question(1));
    expect(await states()).toEqual([]);
    await ask(first, question(2));
    await closeAll();
    expect(await states()).toHaveLength(1);

    const second = await openModel();
    const result = await ask(second, question(3));
    expect(result.usage?.cachedPromptTokens).toBe(system.length);
    expect(text(result)).toBe(await cold(question(3)));
    // A slot has it now.
    expect(text(await ask(second, question(4)))).toBe(await cold(question(4)));
  });

  test('is saved alone when much follows it', async () => {
    const session = await openModel();
    for (const n of [1, 2]) await ask(session, [...system, ...noise(100 + n, 400)]);
    await closeAll();
    const [state = ''] = await states();
    const header = JSON.parse(
      await readFile(path.join(folder, `${state.split('-').slice(0, 2).join('-')}.json`), 'utf8'),
    ) as { tokens: string };
    expect(Buffer.from(header.tokens, 'base64').length / 4).toBe(system.length + 32);
    const second = await openModel();
    const prompt = [...system, ...noise(103, 400)];
    const result = await ask(second, prompt);
    expect(result.usage?.cachedPromptTokens).toBe(system.length);
    expect(text(result)).toBe(await cold(prompt));
  });

  test('can be the whole prompt', async () => {
    const first = await openModel();
    for (const _ of [1, 2]) await ask(first, question(1));
    await closeAll();
    const result = await ask(await openModel(), question(1));
    expect(result.usage?.cachedPromptTokens).toBe(question(1).length - 1);
    expect(text(result)).toBe(await cold(question(1)));
  });
});

/** A state that is written while others are answered is known a little later. */
const keptStates = (session: ModelSession, count: number): Promise<void> =>
  vi.waitFor(() => expect(session.health().load?.prefix?.savedStates).toBe(count), 5_000);

describe('a conversation', () => {
  const first = noise(10, 200);
  const second = [...first, ...noise(11, 50)];
  const third = [...second, ...noise(12, 50)];

  test('that lost its slot goes on from a file', async () => {
    const session = await openModel({ parallel: 1 });
    await ask(session, first);
    await ask(session, second);
    expect(await states()).toEqual([]);
    await ask(session, noise(20, 200));
    await keptStates(session, 1);
    const result = await ask(session, third);
    expect(result.usage?.cachedPromptTokens).toBe(second.length);
    expect(text(result)).toBe(await cold(third));
  });

  test('that loses its slot again and again goes on from where it was each time', async () => {
    const session = await openModel({ parallel: 1 });
    await ask(session, first);
    await ask(session, second);
    let prompt = second;
    for (const turn of [1, 2]) {
      await ask(session, noise(20 + turn, 200));
      await keptStates(session, turn);
      prompt = [...prompt, ...noise(30 + turn, 150)];
      const result = await ask(session, prompt);
      expect(result.usage?.cachedPromptTokens).toBe(prompt.length - 150);
      expect(text(result)).toBe(await cold(prompt));
    }
  });

  test('goes on after a restart', async () => {
    const session = await openModel();
    await ask(session, first);
    await ask(session, second);
    await closeAll();
    const result = await ask(await openModel(), third);
    expect(result.usage?.cachedPromptTokens).toBe(second.length);
    expect(text(result)).toBe(await cold(third));
  });
});

describe('tenants', () => {
  test('do not use what another one has sent, neither in memory nor from disk', async () => {
    const session = await openModel();
    for (const n of [1, 2]) await ask(session, question(n), 'tenant-ada');
    expect((await ask(session, question(3), 'tenant-bob')).usage?.cachedPromptTokens).toBe(0);
    await closeAll();
    const again = await openModel();
    expect((await ask(again, question(3), 'tenant-bob')).usage?.cachedPromptTokens).toBe(0);
    expect((await ask(again, question(3), 'tenant-ada')).usage?.cachedPromptTokens).toBe(system.length);
    for (const file of await readdir(folder))
      expect(await readFile(path.join(folder, file), 'latin1')).not.toContain('tenant-ada');
  });

  test('share with prefixSharing all', async () => {
    await prime('tenant-ada', { prefixSharing: 'all' });
    const again = await openModel({ prefixSharing: 'all' });
    expect((await ask(again, question(3), 'tenant-bob')).usage?.cachedPromptTokens).toBe(system.length);
    expect((await ask(again, question(4), 'eve')).usage?.cachedPromptTokens).toBe(system.length);
  });
});

describe('a saved state that cannot be used is a miss', () => {
  const expectMiss = async (options: GgufProviderOptions = {}): Promise<void> => {
    const result = await ask(await openModel(options), question(3));
    expect(result.usage?.cachedPromptTokens).toBe(0);
    expect(text(result)).toBe(await cold(question(3)));
  };

  test.each([
    ['a changed byte', flip],
    ['a lost end', (content: Buffer) => content.subarray(0, -1000)],
    ['no content', () => Buffer.alloc(0)],
    ['other content', (content: Buffer) => Buffer.from(noise(5, content.length))],
  ])('%s in its file, which is deleted with a line in the log', async (_, change) => {
    await prime();
    const [state = ''] = await states();
    await damage(state, change);
    const { lines, log } = logOf();
    await expectMiss({ log });
    expect(lines.filter((line) => line.includes('deleted'))).toHaveLength(1);
    expect(await states()).not.toContain(state);
  });

  test('a file that changes after it was found right', async () => {
    await prime(undefined, { parallel: 1 });
    const session = await openModel({ parallel: 1 });
    expect((await ask(session, question(3))).usage?.cachedPromptTokens).toBe(system.length);
    const [state = ''] = await states();
    await damage(state, flip);
    await ask(session, noise(30, 300));
    const result = await ask(session, question(4));
    expect(result.usage?.cachedPromptTokens).toBe(0);
    expect(text(result)).toBe(await cold(question(4)));
  });

  test.each([
    ['damaged', flip],
    ['empty', () => Buffer.alloc(0)],
  ])('a %s header', async (_, change) => {
    await prime();
    const header = (await readdir(folder)).find((file) => file.endsWith('.json')) ?? '';
    await damage(header, change);
    await expectMiss();
  });

  test('a file that is gone', async () => {
    await prime();
    const session = await openModel();
    for (const state of await states()) await rm(path.join(folder, state));
    expect((await ask(session, question(3))).usage?.cachedPromptTokens).toBe(0);
  });

  test.each([{ parallel: 3 }, { contextSize: 800 }, { kvCacheType: 'q8_0/f16' }])(
    'other settings: %o',
    async (options) => {
      await prime();
      await expectMiss(options);
    },
  );
});

test('an engine process that was killed goes on from what it has saved', async () => {
  const provider = createIsolatedGgufProvider({ threads: 1, gpu: false, prefixCacheDir: folder });
  opened.push(provider);
  const session = await provider.open(tinySource, { signal: new AbortController().signal });
  let engine = 0;
  const asked = async (n: number): Promise<InferenceResult> =>
    collect(
      session.run(complete(question(n), { maxTokens: 12 }), {
        id: 'test',
        signal: new AbortController().signal,
        traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
        onSpan: ({ attributes }) => (engine = Number(attributes['process.pid'])),
      }),
    );
  for (const n of [1, 2]) await asked(n);
  const patient = { timeout: 20_000 };
  await expect.poll(states, patient).toHaveLength(1);
  await expect.poll(() => engine, patient).not.toBe(0);
  process.kill(engine, 'SIGKILL');
  let result: InferenceResult | undefined;
  const isAnswered = async (): Promise<boolean> => {
    result ??= await asked(3).catch(() => undefined);
    return result !== undefined;
  };
  await expect.poll(isAnswered, patient).toBe(true);
  expect(result?.usage?.cachedPromptTokens).toBe(system.length);
  expect(text(result!)).toBe(await cold(question(3)));
});

describe('the folder', () => {
  test('keeps to its limit of bytes, the least recently used states go', async () => {
    await prime();
    const [state = ''] = await states();
    const { size } = await stat(path.join(folder, state));
    const limit = 2.5 * size;
    const session = await openModel({ prefixCacheBytes: Math.round(limit) });
    for (const seed of [40, 50, 60]) {
      for (const n of [1, 2]) await ask(session, [...noise(seed, 400), ...noise(seed + n, 60)]);
    }
    await closeAll();
    const left = await states();
    expect(left).toHaveLength(2);
    expect(left).not.toContain(state);
    const sizes = await Promise.all(
      (await readdir(folder)).map(async (file) => (await stat(path.join(folder, file))).size),
    );
    expect(sizes.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(limit);
  });

  test('0 bytes: nothing is written', async () => {
    await prime(undefined, { prefixCacheBytes: 0 });
    expect(await readdir(folder)).toEqual([]);
  });

  test('that cannot be used does not keep the model from loading', async () => {
    const file = path.join(folder, 'file');
    await writeFile(file, '');
    const { lines, log } = logOf();
    const session = await openModel({ prefixCacheDir: path.join(file, 'below'), log });
    for (const n of [1, 2]) await ask(session, question(n));
    expect(lines.some((line) => line.includes('none are saved'))).toBe(true);
  });

  test('two models that write the same state at once do not disturb each other', async () => {
    const [a, b] = [await openModel(), await openModel()];
    for (const n of [1, 2, 3]) await Promise.all([ask(a, question(n)), ask(b, question(n))]);
    await closeAll();
    const { lines, log } = logOf();
    const result = await ask(await openModel({ log }), question(4));
    expect(result.usage?.cachedPromptTokens).toBe(system.length);
    expect(lines).toEqual([]);
    expect((await readdir(folder)).filter((file) => file.endsWith('.part'))).toEqual([]);
  });

  test('is for its owner only', async () => {
    const below = path.join(folder, 'below');
    await prime(undefined, { prefixCacheDir: below });
    const files = (await readdir(below)).map((file) => path.join(below, file));
    expect(files).toHaveLength(2);
    expect((await stat(below)).mode & 0o077).toBe(0);
    for (const file of files) expect((await stat(file)).mode & 0o077).toBe(0);
  });
});
