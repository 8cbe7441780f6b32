import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DataFolder } from './data-folder.ts';

let base: string;
beforeEach(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'golek-data-'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

const modeOf = async (file: string): Promise<string> => ((await stat(file)).mode & 0o777).toString(8);

test('touches nothing before it is asked to, then makes folders for the owner only', async () => {
  const data = new DataFolder(path.join(base, 'deep/home'));
  expect(await readdir(base)).toEqual([]);
  const blobs = await data.ensure('models/blobs');
  expect(blobs).toBe(path.join(base, 'deep/home/models/blobs'));
  expect(await modeOf(blobs)).toBe('700');
  expect(await modeOf(data.root)).toBe('700');
});

test('writes files whole, for the owner only, and leaves nothing in tmp', async () => {
  const data = new DataFolder(path.join(base, 'home'));
  const file = await data.write('cache/a/b.json', '{"x":1}');
  await data.write('cache/a/b.json', '{"x":2}');
  expect(await readFile(file, 'utf8')).toBe('{"x":2}');
  expect(await modeOf(file)).toBe('600');
  expect(await readdir(data.path('tmp'))).toEqual([]);
});

test('a write that fails keeps the old content and cleans up', async () => {
  const data = new DataFolder(path.join(base, 'home'));
  await data.ensure('cache');
  await mkdir(path.join(data.root, 'cache/taken/child'), { recursive: true });
  await expect(data.write('cache/taken', 'x')).rejects.toMatchObject({ code: 'config_invalid' });
  expect(await readdir(data.path('tmp'))).toEqual([]);
  expect(await readdir(path.join(data.root, 'cache/taken'))).toEqual(['child']);
});

test('a file that is written piece by piece is there when it is kept, and nothing is when it is discarded', async () => {
  const data = new DataFolder(path.join(base, 'home'));
  const uploads = await data.ensure('tmp/uploads');
  const kept = await data.stage();
  await kept.write('one ');
  await kept.write(Buffer.from('two'));
  expect(await readdir(uploads)).toEqual([]);
  await kept.keep(path.join(uploads, 'a'));
  await kept.discard();
  expect(await readFile(path.join(uploads, 'a'), 'utf8')).toBe('one two');
  expect(await modeOf(path.join(uploads, 'a'))).toBe('600');
  const left = await data.stage();
  await left.write('x');
  await left.discard();
  expect(await readdir(data.path('tmp'))).toEqual(['uploads']);
});

test('refuses to write outside of itself', async () => {
  const data = new DataFolder(path.join(base, 'home'));
  await expect(data.write('../other.txt', 'x')).rejects.toMatchObject({ code: 'invalid_request' });
  expect(await readdir(base)).toEqual([]);
});

test('writes into a folder on another file system', async (context) => {
  const elsewhere = await mkdtemp('/dev/shm/golek-data-').catch(() => undefined);
  if (elsewhere === undefined || (await stat(elsewhere)).dev === (await stat(base)).dev) return context.skip();
  try {
    const data = new DataFolder(path.join(base, 'home'));
    await data.ensure('tmp');
    await symlink(elsewhere, data.path('cache'));
    await data.write('cache/x', 'content');
    expect(await readdir(elsewhere)).toEqual(['x']);
    expect(await readFile(path.join(elsewhere, 'x'), 'utf8')).toBe('content');
    expect(await readdir(data.path('tmp'))).toEqual([]);
  } finally {
    await rm(elsewhere, { recursive: true });
  }
});

test('sweeps staged files that are a day old and nothing else', async () => {
  const data = new DataFolder(base);
  const tmp = await data.ensure('tmp');
  const old = new Date(Date.now() - 25 * 60 * 60 * 1000);
  for (const name of ['staged-old', 'staged-new', 'other-old']) await writeFile(path.join(tmp, name), 'x');
  for (const name of ['staged-old', 'other-old']) await utimes(path.join(tmp, name), old, old);
  expect(await data.sweep()).toBe(1);
  expect((await readdir(tmp)).sort()).toEqual(['other-old', 'staged-new']);
});

test('a sweep without a folder finds nothing', async () => {
  expect(await new DataFolder(path.join(base, 'none')).sweep()).toBe(0);
});

test('says when a part of the path is a file, with the remedy', async () => {
  await writeFile(path.join(base, 'file'), '');
  const data = new DataFolder(path.join(base, 'file/home'));
  await expect(data.ensure('models')).rejects.toThrow(/a part of the path is a file.*GOLEK_HOME/);
});

test('check reports a missing, a good, an open and a wrong folder without changing anything', async () => {
  const missing = new DataFolder(path.join(base, 'none/yet'));
  expect(await missing.check()).toEqual({ root: missing.root, exists: false, writable: true, private: true });
  expect(await readdir(base)).toEqual([]);

  const good = new DataFolder(path.join(base, 'good'));
  await good.ensure('tmp');
  expect(await good.check()).toEqual({ root: good.root, exists: true, writable: true, private: true });

  await chmod(good.root, 0o755);
  expect(await good.check()).toMatchObject({ private: false, problem: expect.stringContaining('chmod 700') as string });

  const file = path.join(base, 'plain');
  await writeFile(file, '');
  expect(await new DataFolder(file).check()).toMatchObject({ writable: false, problem: 'it is a file, not a folder' });
});

test.skipIf(process.getuid?.() === 0)('check finds a folder that this user cannot write', async () => {
  const locked = new DataFolder(path.join(base, 'locked'));
  await mkdir(locked.root, { mode: 0o500 });
  expect(await locked.check()).toMatchObject({ exists: true, writable: false });
  await expect(locked.ensure('tmp')).rejects.toThrow(/no right/);
});
