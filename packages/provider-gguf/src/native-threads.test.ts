import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { golekTiny } from '@golek/model-tiny';
import type { GolekError } from '@golek/providers-spi';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildNativeThreads } from './engine-build/build-native-threads.ts';
import { startEngine } from './engine.ts';
import { readGgufFile } from './gguf-file.ts';
import { factsOf } from './gguf-manifest.ts';
import { loadNativeThreads } from './native-threads.ts';
import { resolveOptions } from './options.ts';
import { GgufProvider } from './provider.ts';
import { samplerSettings, type SamplerSettings } from './sampling-config.ts';

const signal = AbortSignal.timeout(120_000);
const has = async (program: string): Promise<boolean> =>
  promisify(execFile)(program, ['--version']).then(
    () => true,
    () => false,
  );
const canBuild = process.platform === 'linux' && (await has('c++')) && (await has('git'));

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'golek-threads-test-'))));
afterAll(() => rm(folder, { recursive: true }));

const failure = async (run: () => unknown): Promise<GolekError> => {
  try {
    await run();
  } catch (error) {
    return error as GolekError;
  }
  throw new Error('nothing was thrown');
};

const answer = async (nativeThreads: string | false, ownThread = false): Promise<string> => {
  const options = { gpu: false, threads: 2, contextSize: 256, parallel: 2, nativeThreads } as const;
  await using provider = new GgufProvider(options, { ownThread });
  await using session = await provider.open({ name: 'm', location: golekTiny.path }, { signal });
  const run = async (): Promise<string> => {
    let text = '';
    const input = { type: 'text' as const, prompt: 'Golek is' };
    const request = { task: 'generate' as const, model: 'm', input, maxTokens: 24, sampling: { temperature: 0 } };
    for await (const event of session.run(request, { id: '1', signal })) if (event.type === 'text') text += event.text;
    return text;
  };
  const [first, second] = await Promise.all([run(), run()]);
  expect(second).toBe(first);
  return first;
};

/** The answer and a vector do not depend on how many threads evaluate, nor on when that changes. */
const changes = async (nativeThreads: string | false, ownThread: boolean): Promise<void> => {
  const options = {
    gpu: false,
    threads: 2,
    contextSize: 256,
    parallel: 1,
    nativeThreads,
    shareThreads: false,
  } as const;
  await using provider = new GgufProvider(options, { ownThread });
  await using session = await provider.open({ name: 'm', location: golekTiny.path }, { signal });
  const { threads } = session;
  /** After each piece of text, so many threads as the next of the numbers says. */
  const answered = async (counts: readonly number[], prompt: string): Promise<string> => {
    let [text, at] = ['', 0];
    const input = { type: 'text' as const, prompt };
    const request = { task: 'generate' as const, model: 'm', input, maxTokens: 20, sampling: { temperature: 0 } };
    for await (const event of session.run(request, { id: '1', signal })) {
      if (event.type !== 'text') continue;
      text += event.text;
      const count = counts[at++ % counts.length] ?? 0;
      threads?.use(count);
      expect(session.health().load?.threads).toBe(count);
    }
    expect(at).toBeGreaterThan(5);
    return text;
  };
  const vector = async (): Promise<unknown> => {
    for await (const event of session.run({ task: 'embed', model: 'm', inputs: ['a red kite'] }, { id: '2', signal }))
      if (event.type === 'embedding') return [...event.vector];
    throw new Error('no vector');
  };
  const prompts = ['Golek is', 'A red kite'];
  threads?.use(1);
  const plain: string[] = [];
  for (const prompt of prompts) plain.push(await answered([1], prompt));
  const before = await vector();
  for (const counts of [[2, 1], [1, 2, 2], [2]]) {
    threads?.use(2);
    for (const [i, prompt] of prompts.entries()) expect(await answered(counts, prompt)).toBe(plain[i]);
  }
  for (const count of [2, 1, 2]) threads?.use(count);
  expect(await vector()).toEqual(before);
  for (const count of [1, 2, 1]) threads?.use(count);
  expect(await vector()).toEqual(before);
};

/** A context of golek-tiny with one sequence, and what it logs. */
const opened = async (nativeThreads: string, threads: number, lines: string[]) => {
  const say = (_fields: object, line: string): void => void lines.push(line);
  const log = { debug: () => undefined, info: () => undefined, warn: say, error: say };
  const engine = await startEngine({ gpu: false, nativeThreads, log });
  const contextSize = 512;
  const options = resolveOptions({ threads, contextSize, parallel: 1, batchSize: contextSize }, 'm', undefined);
  const facts = factsOf(await readGgufFile(golekTiny.path, signal));
  const wanted = { generates: true, vectors: undefined, adapterBytes: 0, heads: facts.heads, signal };
  const limits = { memoryLimitBytes: undefined, onProgress: undefined };
  const model = await engine.load({ name: 'm', path: golekTiny.path, options, contextSize, ...wanted, ...limits });
  const context = await model.createBatchContext(signal);
  const close = async (): Promise<void> => {
    await context.dispose();
    await model.dispose();
    engine.dispose();
  };
  return { context, contextSize, samplers: model.samplers, close };
};

/** The most likely token that the addon finds is the one that the binding's own sampler finds, whatever the biases, and the logits stay as they are. */
const greedyChoices = async (nativeThreads: string): Promise<void> => {
  const { context, contextSize, samplers, close } = await opened(nativeThreads, 1, []);
  const rows = 40;
  context.begin(rows);
  const logits = context.add(
    0,
    0,
    Uint32Array.from({ length: rows }, (_, i) => 300 + 7 * i),
    0,
  );
  await context.decode();
  const neutral = { repeat: 1, frequency: 0, presence: 0, lastTokens: undefined };
  const banned: number[] = [];
  for (const row of logits) {
    const choose = async (logitBias: SamplerSettings['logitBias']): Promise<number[]> => {
      const plain = { ...samplerSettings({ temperature: 0 }, {}, 0), logitBias };
      const tokens: number[] = [];
      // Penalties, also such as change nothing, are the binding's matter.
      for (const settings of [plain, { ...plain, penalties: neutral }]) {
        const sampler = samplers.create(settings, undefined, contextSize);
        tokens.push(await context.sample(row, sampler));
        samplers.dispose(sampler);
      }
      return tokens;
    };
    const [first = -1, own] = await choose([]);
    expect(own).toBe(first);
    banned.push(first);
    const [second = -1, second2] = await choose(banned.map((token) => [token, Number.NEGATIVE_INFINITY]));
    expect(second2).toBe(second);
    expect(banned).not.toContain(second);
    expect(
      await choose([
        [77, 1000],
        [77, 1],
        [0xffffff, 5],
      ]),
    ).toEqual([77, 77]);
    expect(await choose([])).toEqual([first, first]);
  }
  expect(new Set(banned).size).toBeGreaterThan(5);
  await close();
};

/** An evaluation that is interrupted leaves the cells before it as they were, and the next one goes on from there. */
const interruptions = async (nativeThreads: string): Promise<void> => {
  const lines: string[] = [];
  for (const threads of [1, 2]) {
    const { context, contextSize, samplers, close } = await opened(nativeThreads, threads, lines);
    const sampler = samplers.create(samplerSettings({ temperature: 0 }, {}, 0), undefined, contextSize);
    const prompt = Uint32Array.from({ length: 300 }, (_, i) => 300 + (i % 50));
    const evaluate = (from: number, to: number): { readonly row: number; readonly done: Promise<boolean> } => {
      context.begin(to - from);
      const [row = -1] = context.add(0, from, prompt.subarray(from, to), to - from - 1);
      return { row, done: context.decode() };
    };
    const whole = evaluate(0, 300);
    expect(await whole.done).toBe(true);
    const token = await context.sample(whole.row, sampler);
    context.truncate(0, 0);
    await evaluate(0, 100).done;
    const cut = evaluate(100, 300);
    context.interrupt?.();
    expect(await cut.done).toBe(false);
    expect(context.truncate(0, 100)).toBe(true);
    const again = evaluate(100, 300);
    expect(await again.done).toBe(true);
    expect(await context.sample(again.row, sampler)).toBe(token);
    // Where nothing is evaluated, there is nothing to end.
    context.interrupt?.();
    context.truncate(0, 200);
    expect(await evaluate(200, 300).done).toBe(true);
    samplers.dispose(sampler);
    await close();
  }
  expect(lines).toEqual([]);
};

// On a user's machine without a compiler there is nothing to test; CI must have one.
// eslint-disable-next-line no-restricted-properties -- a test, not the library
test.runIf(canBuild || process.env['CI'] === 'true')(
  'an addon that was built here gives the same answers, in several models one after the other',
  { timeout: 120_000 },
  async () => {
    const file = join(folder, 'threads.node');
    await buildNativeThreads({ file, signal });
    const without = await answer(false);
    expect(without.length).toBeGreaterThan(10);
    expect(await answer(file)).toBe(without);
    expect(await answer(file, true)).toBe(without);
    for (const ownThread of [false, true]) await changes(file, ownThread);
    await interruptions(file);
    await greedyChoices(file);
    // A context that is not one of the binding's is refused, not followed.
    expect(() => loadNativeThreads(file)({}, 2)).toThrow('not a context of the binding');
  },
);

test('without the addon the number of threads changes, too, and no answer', { timeout: 60_000 }, () =>
  changes(false, true),
);

test('a file that is no addon is named, and a provider with it still works', { timeout: 60_000 }, async () => {
  const file = join(folder, 'wrong.node');
  await writeFile(file, 'not an addon');
  const error = await failure(() => loadNativeThreads(file));
  expect(error.code).toBe('model_load_failed');
  expect(error.message).toContain(file);
  expect(error.message).toContain('golek engine build');
  const warnings: string[] = [];
  const say = (_fields: object, message: string): void => void warnings.push(message);
  const log = { debug: () => undefined, info: () => undefined, warn: say, error: say };
  await using provider = new GgufProvider({ gpu: false, threads: 1, contextSize: 64, nativeThreads: file, log });
  await using session = await provider.open({ name: 'm', location: golekTiny.path }, { signal });
  expect(session.health().status).toBe('ok');
  expect(warnings.join('\n')).toMatch(/models run without lasting threads: .*\S/);
});

test('a missing compiler is named, with the package that has it', async () => {
  const error = await failure(() =>
    buildNativeThreads({ file: join(folder, 'x.node'), signal, compiler: 'no-such-compiler' }),
  );
  expect(error.code).toBe('unsupported');
  expect(error.message).toContain("'no-such-compiler' is needed");
});
