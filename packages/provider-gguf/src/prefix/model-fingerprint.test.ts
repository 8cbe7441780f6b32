import { copyFile, mkdtemp, open, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { resolveOptions, type GgufModelOptions } from '../options.ts';
import { tinySource } from '../tiny-model.fixture.ts';
import { modelFingerprint } from './model-fingerprint.ts';

let folder: string;
let model: string;
const changed = new Date(1_700_000_000_000);
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'golek-fingerprint-'));
  model = path.join(folder, 'model.gguf');
  await copyFile(tinySource.location, model);
  await utimes(model, changed, changed);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const of = (options: GgufModelOptions = {}, rest: object = {}): Promise<string> =>
  modelFingerprint({
    paths: [model],
    options: resolveOptions({}, 'm', options),
    contextSize: 1024,
    device: 'cpu',
    binary: undefined,
    ...rest,
  });

test('is the same for the same model and for settings that shape no state', async () => {
  expect(await of()).toBe(await of({ threads: 3, batchSize: 64, queueLimit: 1, prefixCacheBytes: 5 }));
});

test('is another one for whatever shapes a state, or who may see it', async () => {
  const all = await Promise.all([
    of(),
    of({ parallel: 3 }),
    of({ kvCacheType: 'q8_0/f16' }),
    of({ flashAttention: true }),
    of({ swaFullCache: true }),
    of({ prefixSharing: 'all' }),
    of({}, { contextSize: 512 }),
    of({}, { device: 'gpu' }),
    of({}, { binary: model }),
    of({}, { paths: [model, model] }),
  ]);
  expect(new Set(all).size).toBe(all.length);
});

test('changes with the content and with the time of change of the file', async () => {
  const before = await of();
  const file = await open(model, 'r+');
  const { size } = await file.stat();
  const last = Buffer.alloc(1);
  await file.read(last, 0, 1, size - 1);
  await file.write(Buffer.of((last[0] ?? 0) ^ 1), 0, 1, size - 1);
  await file.close();
  await utimes(model, changed, changed);
  expect(await of()).not.toBe(before);

  await copyFile(tinySource.location, model);
  await utimes(model, changed, changed);
  expect(await of()).toBe(before);
  await utimes(model, changed, new Date());
  expect(await of()).not.toBe(before);
});
