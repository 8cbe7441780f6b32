import { setTimeout as sleep } from 'node:timers/promises';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StateFolder, type StoredState } from './state-folder.ts';
import { encodeHeader, parseHeader, type StateHeader } from './state-header.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'golek-states-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const fingerprint = 'f'.repeat(64);
const space = 'a'.repeat(64);

const keep = async (
  folder: StateFolder,
  first: number,
  bytes = 1000,
  print = fingerprint,
): Promise<StoredState | undefined> => {
  const staged = await folder.stage();
  await writeFile(staged, Buffer.alloc(bytes, first));
  const { stored } = await folder.keep(staged, { fingerprint: print, space, tokens: Uint32Array.of(first, 2, 3) });
  return stored;
};

/** Makes a state look as if it was used so many seconds ago. */
const age = async (seconds: number, ...parts: string[]): Promise<void> => {
  const then = new Date(Date.now() - 1000 * seconds);
  for (const file of await readdir(root)) {
    if (parts.some((part) => file.startsWith(part))) await utimes(path.join(root, file), then, then);
  }
};

describe('StateFolder', () => {
  test('lists what was kept, by fingerprint, with its tokens', async () => {
    const folder = new StateFolder(root, { bytes: 1e6, states: 10 });
    const kept = await keep(folder, 1);
    await keep(folder, 1, 1000, 'e'.repeat(64));
    expect(await folder.list(fingerprint)).toEqual([kept]);
    expect(kept?.tokens).toEqual(Uint32Array.of(1, 2, 3));
    expect(await readFile(folder.pathOf(kept?.file ?? ''))).toEqual(Buffer.alloc(1000, 1));
  });

  test('takes the least recently used ones away, of whichever fingerprint, and counts headers too', async () => {
    const folder = new StateFolder(root, { bytes: 5_000, states: 10 });
    const other = await keep(folder, 1, 1000, 'e'.repeat(64));
    const used = await keep(folder, 2);
    const old = await keep(folder, 3);
    await age(100, other?.name ?? '');
    await age(50, old?.name ?? '');
    await age(60, used?.name ?? '');
    if (used) await folder.touch(used);
    // The system's own file times may be some milliseconds behind the clock that `touch` writes.
    await sleep(30);
    await keep(folder, 4, 2500);
    expect((await folder.list(fingerprint)).map(({ tokens }) => tokens[0])).toEqual([4, 2]);
    const { bytes, states } = await folder.size();
    expect(bytes).toBeLessThanOrEqual(5_000);
    expect(states).toBe(2);
  });

  test('keeps to its number of states, and not what is larger than the limit', async () => {
    const folder = new StateFolder(root, { bytes: 5_000, states: 2 });
    for (const first of [1, 2, 3]) {
      const kept = await keep(folder, first);
      await age(10 - first, kept?.name ?? '');
    }
    expect((await folder.size()).states).toBe(2);
    expect(await keep(folder, 4, 6_000)).toBeUndefined();
    expect((await folder.size()).states).toBe(2);
    expect((await readdir(root)).filter((file) => file.endsWith('.part'))).toEqual([]);
  });

  test('one state of the same tokens replaces the other', async () => {
    const folder = new StateFolder(root, { bytes: 1e6, states: 10 });
    await keep(folder, 1, 1000);
    const second = await keep(folder, 1, 2000);
    expect(await folder.list(fingerprint)).toEqual([second]);
    expect(await readdir(root)).toHaveLength(2);
  });

  test('takes away what was left unfinished, and no file that is not its own', async () => {
    const folder = new StateFolder(root, { bytes: 1e6, states: 10 });
    await writeFile(path.join(root, '77-old.part'), 'x');
    await writeFile(path.join(root, '77-new.part'), 'x');
    await writeFile(path.join(root, 'notes.txt'), 'x');
    await age(3600, '77-old');
    await folder.list(fingerprint);
    expect((await readdir(root)).sort()).toEqual(['77-new.part', 'notes.txt']);
  });

  test('takes away a state in whose use a process ended, and not one that is in use', async () => {
    const folder = new StateFolder(root, { bytes: 1e6, states: 10 });
    const [fatal, used] = [await keep(folder, 1), await keep(folder, 2)];
    const { pid } = spawnSync(process.execPath, ['--version']);
    await writeFile(path.join(root, `${fatal!.name}-${pid}.loading`), '');
    await folder.guarded(used!, async () => {
      expect(await folder.list(fingerprint)).toEqual([used]);
    });
    expect(await readdir(root)).toHaveLength(2);
  });

  test('what was removed is gone', async () => {
    const folder = new StateFolder(root, { bytes: 1e6, states: 10 });
    const kept = await keep(folder, 1);
    if (kept) await folder.remove(kept);
    expect(await readdir(root)).toEqual([]);
  });
});

describe('a header', () => {
  const header: StateHeader = {
    fingerprint,
    space,
    tokens: Uint32Array.of(0, 1, 4_294_967_295),
    file: 'ffffffffffffffff-00.state',
    bytes: 12,
    digest: 'd'.repeat(64),
  };

  test('comes back as it was', () => {
    expect(parseHeader(encodeHeader(header))).toEqual(header);
  });

  test('with any character changed is none', () => {
    const text = encodeHeader(header);
    for (let at = 0; at < text.length; at++) {
      const changed = text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);
      expect(parseHeader(changed)).toBeUndefined();
    }
  });

  test.each(['../../etc/passwd', '/etc/passwd', 'x.state/../y.state'])('cannot name the file %s', (file) => {
    expect(parseHeader(encodeHeader({ ...header, file }))).toBeUndefined();
  });

  test.each(['', '{}', 'null', '[]', '{"format":1}'])('%j is none', (text) => {
    expect(parseHeader(text)).toBeUndefined();
  });
});
