import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { discoverModels } from './discover-models.ts';

let base: string;
beforeEach(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'golek-discovery-'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

const { signal } = new AbortController();

const put = async (...files: string[]): Promise<void> => {
  for (const file of files) {
    await mkdir(path.dirname(path.join(base, file)), { recursive: true });
    await writeFile(path.join(base, file), 'GGUF');
  }
};

const found = async (options = {}): Promise<{ models: Record<string, string>; notes: string[] }> => {
  const { models, notes } = await discoverModels([base], { signal, ...options });
  const relative = models.map((model) => [model.name, path.relative(base, model.path)]);
  return { models: Object.fromEntries(relative) as Record<string, string>, notes: [...notes] };
};

test('finds gguf and onnx files at any depth, sorted, and nothing else', async () => {
  await put(
    'b.gguf',
    'a/B.Q8_0.GGUF',
    'a/deep/c.gguf',
    'readme.md',
    'a/x.onnx',
    'a/x.onnx_data',
    '.hidden/d.gguf',
    '.e.gguf',
  );
  expect(await found()).toEqual({
    models: { 'B.Q8_0': 'a/B.Q8_0.GGUF', c: 'a/deep/c.gguf', x: 'a/x.onnx', b: 'b.gguf' },
    notes: [],
  });
});

test('a file that is called as every other one has the name of its folder', async () => {
  await put('bert/onnx/model.onnx', 'bert/onnx/model_int8.onnx', 'mnist/model.onnx', 'mnist/encoder.onnx');
  expect((await found()).models).toEqual({
    bert: 'bert/onnx/model.onnx',
    'bert-int8': 'bert/onnx/model_int8.onnx',
    mnist: 'mnist/model.onnx',
    encoder: 'mnist/encoder.onnx',
  });
});

test('a missing folder has no models', async () => {
  expect(await discoverModels([path.join(base, 'none')], { signal })).toEqual({ models: [], notes: [] });
});

test('gives equal file names different model names and says so', async () => {
  await put('one/m.gguf', 'three/two/m.gguf', 'two/m.gguf');
  const { models, notes } = await found();
  expect(models).toEqual({ m: 'one/m.gguf', 'm-two': 'three/two/m.gguf', 'm-two-2': 'two/m.gguf' });
  expect(notes).toHaveLength(2);
  expect(notes[0]).toContain(`'m' is taken; ${path.join(base, 'three/two/m.gguf')} is called 'm-two'`);
});

test('does not give a taken name and does not list a taken file again', async () => {
  await put('m.gguf', 'other.gguf');
  await symlink(path.join(base, 'other.gguf'), path.join(base, 'link'));
  const taken = [
    { name: 'm', path: '/elsewhere/m.gguf' },
    { name: 'mine', path: path.join(base, 'link') },
  ];
  expect((await found({ taken })).models).toEqual({ [`m-${path.basename(base)}`]: 'm.gguf' });
});

test('lists a split model once, by its first part', async () => {
  await put('big-00001-of-00003.gguf', 'big-00002-of-00003.gguf', 'big-00003-of-00003.gguf');
  expect(await found()).toEqual({ models: { big: 'big-00001-of-00003.gguf' }, notes: [] });
});

test.each([
  [['big-00001-of-00003.gguf', 'big-00003-of-00003.gguf'], 'part 2 of 3'],
  [['big-00002-of-00002.gguf'], 'part 1 of 2'],
])('leaves out a split model with a missing part: %j', async (files, missing) => {
  await put(...files, 'whole.gguf');
  const { models, notes } = await found();
  expect(models).toEqual({ whole: 'whole.gguf' });
  expect(notes).toEqual([expect.stringContaining(missing)]);
});

test('follows links, but no circle and no file twice', async () => {
  await put('store/blob.gguf');
  await symlink(path.join(base, 'store'), path.join(base, 'store/self'));
  await mkdir(path.join(base, 'a-snapshot'));
  await symlink('../store/blob.gguf', path.join(base, 'a-snapshot/named.gguf'));
  await symlink('../nowhere', path.join(base, 'a-snapshot/broken.gguf'));
  expect(await found()).toEqual({
    models: { named: 'a-snapshot/named.gguf' },
    notes: [expect.stringContaining('broken.gguf is a link to nothing')],
  });
});

test('stops at the limits of depth and number and says so', async () => {
  await put('1/2/3/deep.gguf', '1/near.gguf');
  const shallow = await found({ maxDepth: 2 });
  expect(shallow.models).toEqual({ near: '1/near.gguf' });
  expect(shallow.notes).toEqual([expect.stringContaining('more than 2 folders deep')]);

  await put(...Array.from({ length: 30 }, (_, index) => `many/${String(index).padStart(2, '0')}.gguf`));
  const few = await found({ maxEntries: 10 });
  expect(Object.keys(few.models).length).toBeLessThan(10);
  expect(few.notes).toEqual([expect.stringContaining('stopped after 10')]);
});

test.skipIf(process.getuid?.() === 0)('names a folder that cannot be read', async () => {
  await put('locked/m.gguf', 'open.gguf');
  await chmod(path.join(base, 'locked'), 0);
  const { models, notes } = await found();
  await chmod(path.join(base, 'locked'), 0o700);
  expect(models).toEqual({ open: 'open.gguf' });
  expect(notes).toEqual([expect.stringContaining('EACCES')]);
});

test('ends when the signal is aborted', async () => {
  const stop = new AbortController();
  stop.abort(new Error('enough'));
  await expect(discoverModels([base], { signal: stop.signal })).rejects.toThrow('enough');
});
