import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CellAccess, CellOwner } from '../scheduler/prefix-store.ts';
import { FAKE_LAYOUT, fakeState, fakeTokens } from './fake-state.fixture.ts';
import { SavedPrefixes } from './saved-prefixes.ts';
import { StateFolder } from './state-folder.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'golek-prefixes-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Cells that hold their tokens and nothing else. `first`: position that a sequence still holds. */
class FakeCells implements CellAccess {
  first = 0;
  saves = 0;
  failing: Error | undefined;
  /** How much further than its tokens its cells go. */
  ahead = 0;
  #held = 0;

  async save(_sequence: number, file: string, tokens: Uint32Array): Promise<number> {
    this.saves++;
    if (this.failing) throw this.failing;
    const state = fakeState(tokens);
    await writeFile(file, state);
    return state.length;
  }

  async load(_sequence: number, file: string): Promise<Uint32Array> {
    const tokens = fakeTokens(await readFile(file));
    this.#held = tokens.length;
    return tokens;
  }

  truncate(_sequence: number, position: number): boolean {
    this.#held = Math.min(this.#held, position);
    return true;
  }

  lastPosition(): number {
    return this.#held - 1 + this.ahead;
  }

  firstPosition(): number {
    return this.first;
  }
}

const owner: CellOwner = { tenant: 't', group: undefined };
const range = (from: number, length: number): number[] => Array.from({ length }, (_, i) => from + i);
const system = range(0, 200);
const question = (n: number, length = 20): Uint32Array => Uint32Array.from([...system, ...range(1000 * n, length)]);

const open = (): Promise<SavedPrefixes> =>
  SavedPrefixes.open({
    folder: new StateFolder(root, { bytes: 1e6, states: 10 }),
    fingerprint: 'f'.repeat(64),
    layout: FAKE_LAYOUT,
  });

/** Evaluates a prompt as the scheduler does. */
const evaluate = async (
  saved: SavedPrefixes,
  cells: CellAccess,
  prompt: Uint32Array,
  slot = 0,
  kept = 0,
  who = owner,
) => {
  const stop = saved.began(slot, who, prompt, kept);
  const reached = [stop ?? prompt.length, prompt.length];
  for (const length of new Set(reached)) {
    await saved.reached({ slot, ...who, tokens: [...prompt.subarray(0, length)] }, cells);
  }
  return stop;
};

describe('SavedPrefixes', () => {
  test('does not save what one request alone used', async () => {
    const [saved, cells] = [await open(), new FakeCells()];
    expect(await evaluate(saved, cells, question(1))).toBeUndefined();
    await evaluate(saved, cells, Uint32Array.from(range(5000, 300)), 1);
    await saved.beforeDrop({ slot: 0, ...owner, tokens: [...question(1)] }, 0, cells);
    await saved.onClose([{ slot: 1, ...owner, tokens: range(5000, 300) }], cells);
    expect(cells.saves).toBe(0);
  });

  test('saves a common beginning once, however many requests come at once', async () => {
    const [saved, cells] = [await open(), new FakeCells()];
    const stops = [1, 2, 3, 4].map((n) => saved.began(n, owner, question(n), 0));
    expect(stops).toEqual([undefined, 220, 220, 220]);
    for (const n of [1, 2, 3, 4]) await saved.reached({ slot: n, ...owner, tokens: [...question(n)] }, cells);
    await saved.onClose([], cells);
    expect(cells.saves).toBe(1);
    expect(saved.load).toEqual({ savedStates: 1, savedBytes: fakeState(question(2)).length, restoredTokens: 0 });
  });

  test('the choices of one request are one request', async () => {
    const [saved, cells] = [await open(), new FakeCells()];
    const prompt = question(1);
    for (const slot of [0, 1, 2]) await evaluate(saved, cells, prompt, slot, slot === 0 ? 0 : prompt.length - 1);
    const contents = [0, 1, 2].map((slot) => ({ slot, ...owner, tokens: [...prompt] }));
    await saved.beforeDrop(contents[1]!, 0, cells);
    await saved.onClose(contents, cells);
    expect(cells.saves).toBe(0);
  });

  test('a short common beginning is not worth a file', async () => {
    const [saved, cells] = [await open(), new FakeCells()];
    for (const n of [1, 2, 3])
      await evaluate(saved, cells, Uint32Array.from([...range(0, 100), ...range(1000 * n, 300)]));
    expect(cells.saves).toBe(0);
  });

  test('offers the longest state, and of equal ones the smallest', async () => {
    const [saved, cells] = [await open(), new FakeCells()];
    for (const n of [1, 2]) await evaluate(saved, cells, question(n));
    await saved.onClose([], cells);
    expect(saved.find(owner, question(3), 0)?.length).toBe(200);
    expect(saved.find(owner, question(2), 0)?.length).toBe(219);
    expect(saved.find(owner, question(3), 180)).toBeUndefined();
    expect(saved.find({ ...owner, tenant: 'other' }, question(3), 0)).toBeUndefined();
    expect(saved.find({ ...owner, group: 'adapter' }, question(3), 0)).toBeUndefined();
  });

  test('requests with adapters save nothing', async () => {
    const [saved, cells] = [await open(), new FakeCells()];
    for (const n of [1, 2]) await evaluate(saved, cells, question(n), 0, 0, { ...owner, group: 'adapter' });
    expect(cells.saves).toBe(0);
  });

  test('checks a file of an earlier process before it is used, aside from generation', async () => {
    const cells = new FakeCells();
    const before = await open();
    for (const n of [1, 2]) await evaluate(before, cells, question(n));
    await before.onClose([], cells);
    const saved = await open();
    const found = saved.find(owner, question(3), 0);
    expect(found?.pending).toBeInstanceOf(Promise);
    await found?.pending;
    const checked = saved.find(owner, question(3), 0);
    expect(checked?.pending).toBeUndefined();
    expect(await checked?.restore(cells, 0)).toBe(200);
    expect(saved.load.restoredTokens).toBe(200);
  });

  test('memory that cannot be cut: saved at the end of the beginning, restored for prompts that go on from there', async () => {
    const [saved, cells] = [await open(), new FakeCells()];
    cells.first = 50;
    // The first state shows that nothing can be cut here.
    for (const n of [1, 2])
      await evaluate(saved, cells, Uint32Array.from([...range(7000, 300), ...range(9000 * n, 20)]));
    expect(await evaluate(saved, cells, question(1))).toBeUndefined();
    expect(await evaluate(saved, cells, question(2))).toBe(200);
    await saved.onClose([], cells);
    expect(saved.find(owner, question(3), 0)?.length).toBe(200);
    expect(await saved.find(owner, question(3), 0)?.restore(cells, 0)).toBe(200);
    // All but the last token of what is saved.
    expect(saved.find(owner, question(3).subarray(0, 200), 0)).toBeUndefined();
  });

  test('a state that turns out not to be cut gives nothing', async () => {
    const cells = new FakeCells();
    const before = await open();
    for (const n of [1, 2]) await evaluate(before, cells, question(n));
    await before.onClose([], cells);
    const saved = await open();
    cells.first = 1;
    expect(await saved.find(owner, question(3), 0)?.restore(cells, 0)).toBe(0);
    expect(saved.find(owner, question(3), 0)).toBeUndefined();
  });

  test('a save that fails is no failure of the request, and is not tried again at once', async () => {
    const [saved, cells] = [await open(), new FakeCells()];
    cells.failing = new Error('no space left on device');
    for (const n of [1, 2, 3, 4]) await evaluate(saved, cells, question(n));
    expect(cells.saves).toBe(1);
    expect(await readdir(root)).toEqual([]);
  });

  test('a file with other tokens than its header says is discarded', async () => {
    const cells = new FakeCells();
    const saved = await open();
    for (const n of [1, 2]) await evaluate(saved, cells, question(n));
    await saved.onClose([], cells);
    cells.load = async () => Uint32Array.of(1, 2, 3);
    expect(await saved.find(owner, question(3), 0)?.restore(cells, 0)).toBe(0);
    expect(saved.find(owner, question(3), 0)).toBeUndefined();
    expect(await readdir(root)).toEqual([]);
  });

  test.each([1, -1])(
    'a state whose cells have positions %i from those of its tokens is discarded before it is used',
    async (ahead) => {
      const cells = new FakeCells();
      const saved = await open();
      for (const n of [1, 2]) await evaluate(saved, cells, question(n));
      await saved.onClose([], cells);
      cells.ahead = ahead;
      expect(await saved.find(owner, question(3), 0)?.restore(cells, 0)).toBe(0);
      expect(saved.find(owner, question(3), 0)).toBeUndefined();
      expect(await readdir(root)).toEqual([]);
    },
  );
});
