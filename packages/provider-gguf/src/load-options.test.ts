import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { platform, tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { golekTiny } from '@golek/model-tiny';
import { createGgufProvider, createIsolatedGgufProvider, reportBinding, type GgufProviderOptions } from './index.ts';
import { kvCacheFor } from './kv-cache-type.ts';
import { writeSlidingWindow } from './sliding-window.fixture.ts';
import { writeEncoder } from './tiny-encoder.fixture.ts';
import { answer, chat, complete, failure, golden, goldenRequest, openTiny, tinySource } from './tiny-model.fixture.ts';

const never = new AbortController().signal;
/** Tokens of golek-tiny. */
const VOCABULARY = 2_560;

/** Opens golek-tiny for a moment and tells what it takes. */
const memoryOf = async (options: GgufProviderOptions): Promise<number> => {
  const { provider, session } = await openTiny({ contextSize: 4096, parallel: 8, ...options });
  await using _ = provider;
  return session.capabilities.memoryBytes ?? 0;
};

const hasGpu = async (): Promise<boolean> => (await reportBinding()).backend !== 'cpu';

const greet = async (options: GgufProviderOptions): Promise<string | undefined> => {
  const { provider, session } = await openTiny(options);
  await using _ = provider;
  return (await answer(session, chat('Hello!'))).choices[0]?.text;
};

describe('kvCacheType', () => {
  test('a smaller type takes less memory', async () => {
    const f32 = await memoryOf({ kvCacheType: 'f32' });
    const f16 = await memoryOf({ kvCacheType: 'f16' });
    const keys = await memoryOf({ kvCacheType: 'q8_0/f16' });
    const both = await memoryOf({ kvCacheType: 'q8_0', flashAttention: true });
    expect(f32).toBeGreaterThan(f16);
    expect(f16).toBeGreaterThan(keys);
    expect(keys).toBeGreaterThan(both);
  });

  test('f32 gives the golden tokens; quantised keys, and values with flash attention, a sensible answer', async () => {
    const { provider, session } = await openTiny({ kvCacheType: 'f32' });
    await using _ = provider;
    for (const entry of Object.values(golden.answers).slice(0, 3)) {
      const { choices } = await answer(session, goldenRequest(entry, { maxTokens: entry.stableTokens }));
      expect(entry.text.startsWith(choices[0]?.text.trimEnd() ?? '?')).toBe(true);
    }
    const greeting = 'Hello! How can I help you?';
    expect(await greet({ kvCacheType: 'q8_0/f16' })).toBe(greeting);
    expect(await greet({ kvCacheType: 'q8_0', flashAttention: true })).toBe(greeting);
  });

  test('quantised values without flash attention are refused before the load', async () => {
    const provider = createGgufProvider({ threads: 1, gpu: false });
    await using _ = provider;
    const source = { ...tinySource, options: { kvCacheType: 'q8_0' } };
    const error = await failure(provider.open(source, { signal: never }), 'config_invalid');
    expect(error.message).toContain("set flashAttention to true, or quantise keys only: 'q8_0/f16'");
    expect(error.details).toMatchObject({ key: 'kvCacheType' });
  });

  test('blocks that do not divide a head are refused; what is not known is left to llama.cpp', async () => {
    const use = { model: 'm', kvCacheType: 'q8_0/f16', flashAttention: false };
    const error = await failure(() => kvCacheFor({ ...use, heads: { key: 80, value: 64 } }), 'config_invalid');
    expect(error.message).toContain('blocks of 32, which do not divide');
    expect(kvCacheFor({ ...use, heads: { key: undefined, value: 80 } })).toEqual({ key: 'q8_0', value: 'f16' });
    const auto = { ...use, kvCacheType: 'q4_0', flashAttention: 'auto' as const };
    expect(kvCacheFor({ ...auto, heads: { key: 64, value: 64 } })).toEqual({ key: 'q4_0', value: 'q4_0' });
  });
});

describe.runIf(platform() === 'linux')('how weights are held', () => {
  const mappings = (): number => readFileSync('/proc/self/maps', 'utf8').split(golekTiny.path).length - 1;
  const locked = (): number => Number(/^VmLck:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);

  test('mmap: they are pages of the file, or of no file', async () => {
    const counted = async (options: GgufProviderOptions): Promise<number> => {
      const { provider } = await openTiny(options);
      const count = mappings();
      await provider[Symbol.asyncDispose]();
      return count;
    };
    expect(await counted({ mmap: true })).toBeGreaterThan(0);
    expect(await counted({ mmap: false })).toBe(0);
    expect(mappings()).toBe(0);
  });

  test('mlock: they are locked, or the log says that the system does not allow it', async () => {
    const lines: string[] = [];
    const keep = (_fields: object, message: string): number => lines.push(message);
    const log = { debug: keep, info: keep, warn: keep, error: keep };
    const before = locked();
    const { provider } = await openTiny({ mlock: true, log });
    const warned = lines.some((line) => line.includes('mlock'));
    expect(locked() > before || warned).toBe(true);
    await provider[Symbol.asyncDispose]();
    expect(mappings()).toBe(0);
  });
});

describe('swaFullCache', () => {
  let folder: string;
  let location: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'golek-window-'));
    location = await writeSlidingWindow(path.join(folder, 'window.gguf'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** What the model takes, and how it goes on after a prompt that its window does not hold. */
  const opened = async (swaFullCache: boolean): Promise<{ memoryBytes: number; text: string }> => {
    await using provider = createGgufProvider({ threads: 1, gpu: false });
    const options = { contextSize: 8192, parallel: 2, swaFullCache };
    const session = await provider.open({ name: 'w', location, options }, { signal: never });
    const prompt = Array.from({ length: 200 }, (_, at) => 259 + (at % 7));
    const { choices } = await answer(session, { ...complete(prompt, { maxTokens: 12 }), model: 'w' });
    return { memoryBytes: session.capabilities.memoryBytes ?? 0, text: choices[0]?.text ?? '' };
  };

  test('the whole context takes more memory than the window, and the answer is the same', async () => {
    const [window, whole] = [await opened(false), await opened(true)];
    // Two of four layers: 2 halves × 64 components × 2 bytes × 8192 cells × 2 sequences, less the window's.
    expect(whole.memoryBytes - window.memoryBytes).toBeGreaterThan(6_000_000);
    expect(whole.text).not.toBe('');
    expect(whole.text).toBe(window.text);
  });
});

describe('the context for vectors', () => {
  test('is counted before the load, with the logits of a step', async () => {
    const inSteps = await memoryOf({ pooling: 'last' });
    const atOnce = await memoryOf({ pooling: 'mean' });
    // Steps of 4,096 instead of 128 tokens, whose logits lie in two buffers.
    expect(atOnce - inSteps).toBeGreaterThan(2 * 4 * (4096 - 128) * VOCABULARY);
  });

  test('is the only one of a model that does not generate', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'golek-encoder-'));
    const location = await writeEncoder(path.join(folder, 'encoder.gguf'), {});
    const taken = async (parallel: number): Promise<number | undefined> => {
      await using provider = createGgufProvider({ threads: 1, gpu: false, parallel });
      const session = await provider.open({ name: 'e', location }, { signal: never });
      return session.capabilities.memoryBytes;
    };
    expect(await taken(64)).toBe(await taken(1));
    await rm(folder, { recursive: true });
  });
});

test('a model may take no more than its owner allows', async () => {
  const provider = createGgufProvider({ threads: 1, gpu: false });
  await using _ = provider;
  const error = await failure(
    provider.open(tinySource, { signal: never, memoryLimitBytes: 1_000_000 }),
    'insufficient_memory',
  );
  expect(error.details).toMatchObject({ availableBytes: 1_000_000 });
  const needed = Number(error.details?.['requiredBytes']);
  const session = await provider.open(tinySource, { signal: never, memoryLimitBytes: needed });
  expect(session.capabilities.memoryBytes).toBe(needed);
});

test('what changes nothing beside the other options is told', async () => {
  const told = async (options: GgufProviderOptions): Promise<string[]> => {
    const lines: string[] = [];
    const ignore = (): void => undefined;
    const warn = (_fields: object, message: string): number => lines.push(message);
    const { provider } = await openTiny({ ...options, log: { debug: ignore, info: ignore, warn, error: ignore } });
    await provider[Symbol.asyncDispose]();
    return lines.filter((line) => line.includes('changes nothing'));
  };
  const unused = { draftModel: golekTiny.path, keepTokens: 8, gpuLayers: 10 };
  expect(await told({ gpu: 'auto', ...unused })).toEqual([
    "'draftModel' changes nothing: 'speculation' is 'off'; set it to 'draft-model', or leave 'draftModel' out",
    "'keepTokens' changes nothing: 'contextOverflow' is 'error'; set it to 'shift', or leave 'keepTokens' out",
    ...((await hasGpu()) ? [] : ["'gpuLayers' (10) changes nothing: no GPU is used here, see 'golek engine info'"]),
  ]);
  expect(await told({ speculation: 'draft-model', contextOverflow: 'shift', ...unused })).toEqual([]);
});

test('an engine process tells its warnings as warnings', async () => {
  const lines: string[] = [];
  const ignore = (): void => undefined;
  const warn = (fields: object): number => lines.push(JSON.stringify(fields));
  const log = { debug: ignore, info: ignore, warn, error: ignore };
  const provider = createIsolatedGgufProvider({ threads: 1, gpu: false, log });
  await using _ = provider;
  await provider.open({ ...tinySource, options: { keepTokens: 8, scheduler: 'evaluate' } }, { signal: never });
  await vi.waitFor(() => expect(lines.join()).toContain("'keepTokens' changes nothing"));
  // Why, and what is lost: the fields of a line stay in the process that wrote it.
  await vi.waitFor(() =>
    expect(lines.join()).toMatch(/because the option 'scheduler' says so.*shared prefixes.*logprobs/),
  );
});
