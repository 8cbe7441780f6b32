import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { DataFolder } from '../data-folder/data-folder.ts';
import { JsonFileStore } from './json-file-store.ts';
import { MemoryKeyValueStore } from './memory-key-value-store.ts';

const { signal } = new AbortController();

const home = async (): Promise<string> => {
  const made = await mkdtemp(path.join(tmpdir(), 'golek-store-'));
  onTestFinished(() => rm(made, { recursive: true, force: true, maxRetries: 5 }));
  return made;
};

const fileStore = async () => new JsonFileStore(new DataFolder(await home()));

describe.each([
  ['JsonFileStore', fileStore],
  ['MemoryKeyValueStore', async () => new MemoryKeyValueStore()],
])('%s', (_name, make) => {
  test('keeps values by key, with a revision that changes with each write', async () => {
    const store = await make();
    expect(await store.get('config/a', signal)).toBeUndefined();
    expect(await store.list('', signal)).toEqual(new Map());
    const first = await store.put('config/a', { x: [1, null, 'ü'] }, { signal });
    await store.put('config/b', false, { signal });
    await store.put('other/c', 3, { signal });
    expect(await store.get('config/a', signal)).toEqual({ value: { x: [1, null, 'ü'] }, revision: first.revision });
    expect([...(await store.list('config/', signal)).keys()].toSorted()).toEqual(['config/a', 'config/b']);
    const second = await store.put('config/a', 2, { signal });
    expect(second.revision).not.toBe(first.revision);
    await store.delete('config/a', { signal });
    await store.delete('config/none', { signal });
    expect(await store.get('config/a', signal)).toBeUndefined();
  });

  test('writes only over the expected revision', async () => {
    const store = await make();
    const { revision } = await store.put('k', 1, { expected: null, signal });
    await expect(store.put('k', 2, { expected: null, signal })).rejects.toMatchObject({ code: 'conflict' });
    await expect(store.put('k', 2, { expected: 'x', signal })).rejects.toMatchObject({
      details: { key: 'k', revision },
    });
    await expect(store.delete('k', { expected: 'x', signal })).rejects.toMatchObject({ code: 'conflict' });
    await expect(store.delete('none', { expected: 'x', signal })).rejects.toMatchObject({ code: 'conflict' });
    await store.put('k', 3, { expected: revision, signal });
    expect((await store.get('k', signal))?.value).toBe(3);
  });

  test('tells of changes until it is no longer asked to', async () => {
    const store = await make();
    const told = vi.fn();
    const watch = store.watch('config/', told);
    await store.put('config/a', 1, { signal });
    await vi.waitFor(() => expect(told).toHaveBeenCalled(), 5000);
    watch[Symbol.dispose]();
    told.mockClear();
    await store.put('config/a', 2, { signal });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(told).not.toHaveBeenCalled();
  });

  test('does nothing for an aborted signal', async () => {
    const store = await make();
    const aborted = AbortSignal.abort(new Error('gone'));
    await expect(store.put('a', 1, { signal: aborted })).rejects.toThrow('gone');
    await expect(store.list('', aborted)).rejects.toThrow('gone');
    expect(await store.list('', signal)).toEqual(new Map());
  });
});

describe('the file', () => {
  test('belongs to its owner only, and two stores of one process share it', async () => {
    const root = await home();
    const [one, two] = [new JsonFileStore(new DataFolder(root)), new JsonFileStore(new DataFolder(root))];
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 ? one : two).put(`k${index}`, index, { signal })),
    );
    expect((await one.list('', signal)).size).toBe(20);
    expect((await stat(one.name)).mode & 0o777).toBe(0o600);
    expect(await readdir(path.dirname(one.name))).toEqual(['values.json']);
  });

  test.each([
    ['', 'it is not valid JSON'],
    ['{"format":"golek-key-values-1","revision":1,"val', 'it is not valid JSON'],
    ['{"format":"golek-key-values-9","revision":1,"values":{}}', 'it is not in the format golek-key-values-1'],
    ['{"format":"golek-key-values-1","revision":1,"values":{"a":1}}', 'it is not in the format'],
    ['[]', 'it is not in the format'],
  ])('with %j in it is an error and is left as it is', async (text, why) => {
    const store = await fileStore();
    await mkdir(path.dirname(store.name));
    await writeFile(store.name, text);
    const expected = { code: 'config_invalid', message: expect.stringContaining(why) };
    await expect(store.get('a', signal)).rejects.toMatchObject(expected);
    await expect(store.put('a', 1, { signal })).rejects.toMatchObject(expected);
    await expect(store.delete('a', { signal })).rejects.toMatchObject(expected);
    expect(await readFile(store.name, 'utf8')).toBe(text);
  });
});

describe('several processes', () => {
  const FIXTURE = fileURLToPath(new URL('json-file-store.fixture.ts', import.meta.url));

  const writer = (root: string, key: string, count: number): ChildProcess => {
    const child = spawn(process.execPath, ['--conditions=@golek/source', FIXTURE, root, key, String(count)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    return child;
  };

  const untilLines = async (child: ChildProcess, wanted: number): Promise<string[]> => {
    let text = '';
    for await (const chunk of child.stdout!) {
      text += String(chunk);
      if (text.split('\n').length > wanted) break;
    }
    return text.split('\n');
  };

  test('take turns: nothing that was stored is lost', async () => {
    const root = await home();
    const writers = ['a', 'b'].map((key) => writer(root, key, 60));
    for (const { stdout } of writers) stdout!.resume();
    const exits = await Promise.all(writers.map((child) => once(child, 'exit')));
    expect(exits).toEqual(writers.map(() => [0, null]));
    const store = new JsonFileStore(new DataFolder(root));
    const values = [...(await store.list('', signal))].map(([key, { value }]) => [
      key,
      (value as { value: number }).value,
    ]);
    expect(Object.fromEntries(values)).toEqual({ a: 60, b: 60 });
    const { revision } = JSON.parse(await readFile(store.name, 'utf8')) as { revision: number };
    expect(revision).toBe(120);
  }, 60_000);

  test('killed while it writes, 20 times: the file is whole, and what was reported as stored is there', async () => {
    const root = await home();
    const store = new JsonFileStore(new DataFolder(root));
    for (let round = 0; round < 20; round++) {
      const child = writer(root, 'k', 1_000_000);
      const lines = await untilLines(child, 2 + (round % 4));
      child.kill('SIGKILL');
      await once(child, 'exit');
      const reported = Number(lines.at(-2));
      const stored = (await store.get('k', signal))?.value as { value: number; filler: string };
      expect(stored.filler).toHaveLength(20_000);
      expect(stored.value).toBeGreaterThanOrEqual(reported);
      // The dead process may have held the lock.
      await store.put('alive', round, { signal });
    }
  }, 120_000);

  test('a lock of another machine is respected until it is old', async () => {
    const store = await fileStore();
    const lock = `${store.name}.lock`;
    await mkdir(path.dirname(lock), { recursive: true });
    await writeFile(lock, JSON.stringify({ pid: 1, host: 'another-machine', id: 'x' }));
    await expect(store.put('a', 1, { signal: AbortSignal.timeout(300) })).rejects.toThrow();
    expect(await store.get('a', signal)).toBeUndefined();
    const old = Date.now() / 1000 - 60;
    await utimes(lock, old, old);
    await store.put('a', 1, { signal });
    await writeFile(lock, JSON.stringify({ pid: 2 ** 22 - 3, host: hostname(), id: 'x' }));
    await store.put('a', 2, { signal });
    expect((await store.get('a', signal))?.value).toBe(2);
  });
});
