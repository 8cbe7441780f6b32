import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Provider } from '@golek/providers-spi';
import { createGgufProvider } from './index.ts';
import { poolingType } from './pooling.ts';
import { writeEncoder, type EncoderOptions } from './tiny-encoder.fixture.ts';
import { answer, failure, tinySource } from './tiny-model.fixture.ts';

const never = new AbortController().signal;
let folder: string;
let provider: Provider;
let files = 0;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'golek-pooling-'));
  provider = createGgufProvider({ threads: 1, gpu: false });
});
afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const vectorOf = async (text: string, location: string, options: object = {}): Promise<number[]> => {
  await using session = await provider.open({ name: 'm', location, options: { ...options } }, { signal: never });
  const { embeddings } = await answer(session, { task: 'embed', model: 'm', inputs: [text] });
  return Array.from(embeddings[0] ?? []);
};
const encoder = (options: EncoderOptions): Promise<string> =>
  writeEncoder(path.join(folder, `${++files}.gguf`), options);

test('the pooling is what is asked for, what the file says, and what suits the model', () => {
  expect(poolingType('cls', 1, false)).toBe(2);
  expect(poolingType(undefined, 1, true)).toBe(1);
  expect([poolingType(undefined, 0, true), poolingType(undefined, undefined, true)]).toEqual([3, 3]);
  expect([poolingType(undefined, 0, false), poolingType(undefined, undefined, false)]).toEqual([1, 1]);
});

test('an encoder gives the vector that its file or its options ask for', async () => {
  const [mean, cls, last] = await Promise.all([1, 2, 3].map((pooling) => encoder({ pooling })));
  const text = 'a red kite flies';
  const said = [await vectorOf(text, mean ?? ''), await vectorOf(text, cls ?? ''), await vectorOf(text, last ?? '')];
  expect(new Set(said.map(([first]) => first)).size).toBe(3);
  expect(await vectorOf(text, mean ?? '', { pooling: 'cls' })).toEqual(said[1]);
  expect(await vectorOf(text, cls ?? '', { pooling: 'last' })).toEqual(said[2]);
  const silent = await encoder({});
  expect(await vectorOf(text, silent)).toEqual(said[0]);
  expect(await vectorOf(text, silent, { pooling: 'cls' })).toEqual(said[1]);
});

test('a model that generates gives the last vector, in as many steps as it takes, or another one when asked', async () => {
  const text = 'The kite is red. '.repeat(12);
  const last = await vectorOf(text, tinySource.location);
  expect(last).toHaveLength(256);
  expect(await vectorOf(text, tinySource.location, { pooling: 'last' })).toEqual(last);
  const inSteps = await vectorOf(text, tinySource.location, { batchSize: 16 });
  for (const [i, component] of inSteps.entries()) expect(component).toBeCloseTo(last[i] ?? 0, 3);
  const mean = await vectorOf(text, tinySource.location, { pooling: 'mean', batchSize: 16 });
  expect(mean).toHaveLength(256);
  expect(mean).not.toEqual(last);
});

test('an unknown pooling is refused, as are vectors of single tokens', async () => {
  for (const pooling of ['none', 'max']) {
    const error = await failure(vectorOf('x', tinySource.location, { pooling }), 'config_invalid');
    expect(error.message).toContain(`'pooling' must be one of "mean", "cls", "last", "rank"`);
  }
});
