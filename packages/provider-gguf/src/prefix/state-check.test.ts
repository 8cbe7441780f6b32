import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collect, type InferenceResult } from '@golek/api/plain';
import type { Log } from '@golek/providers-spi';
import { createGgufProvider, type GgufProviderOptions } from '../index.ts';
import { complete, tinySource } from '../tiny-model.fixture.ts';
import { PLAIN_TOKENS, WINDOW, writeRecurrentModel, writeWindowModel } from './odd-memory.fixture.ts';
import { whyWrongState } from './state-check.ts';
import { digestFile } from './state-digest.ts';
import { encodeHeader, parseHeader } from './state-header.ts';
import { layoutOf, type StateLayout } from './state-layout.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'golek-cells-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const noise = (seed: number, length: number): number[] =>
  Array.from(
    { length },
    (_, i) => PLAIN_TOKENS.first + ((seed * 7919 + i * 104_729 + i * i * 31) % PLAIN_TOKENS.count),
  );
const system = noise(1, 4 * WINDOW);
const question = (n: number): number[] => [...system, ...noise(100 + n, 40)];

/** Opens the model anew and has it answer prompts one after the other. */
const ask = async (
  location: string,
  prompts: readonly number[][],
  options: GgufProviderOptions = {},
): Promise<InferenceResult[]> => {
  const signal = new AbortController().signal;
  await using provider = createGgufProvider({ threads: 1, gpu: false, contextSize: 512, parallel: 1, ...options });
  const session = await provider.open({ name: 'm', location }, { signal });
  const results: InferenceResult[] = [];
  for (const prompt of prompts) {
    const run = session.run(complete(prompt, { maxTokens: 8, ignoreEos: true }), { id: 'x', signal });
    results.push(await collect(run));
  }
  return results;
};

interface Saved {
  readonly file: string;
  readonly words: Int32Array;
  /** Of `system`, and of a question where a state can be cut. */
  readonly tokens: Uint32Array;
  readonly layout: StateLayout;
}

/** Has a model save a state that begins with `system`. */
const save = async (location: string, options: GgufProviderOptions = {}): Promise<Saved> => {
  const folder = await mkdtemp(path.join(root, 'states-'));
  // The first state shows whether the memory can be cut; where it cannot, the second one is exact.
  const others = [1, 2].map((n) => [...noise(9, 200), ...noise(200 + n, 40)]);
  await ask(location, [...others, question(1), question(2)], { ...options, prefixCacheDir: folder });
  for (const name of (await readdir(folder)).filter((file) => file.endsWith('.state'))) {
    const content = await readFile(path.join(folder, name));
    const words = new Int32Array(content.buffer.slice(content.byteOffset, content.byteOffset + content.length));
    if (words[3] !== system[0]) continue;
    const tokens = Uint32Array.from(words.subarray(3, 3 + (words[2] ?? 0)));
    const layout = layoutOf(content, tokens.length);
    if (!layout) throw new Error(`the layout of a state of ${location} is not known`);
    return { file: path.join(folder, name), words, tokens, layout };
  }
  throw new Error('no state was saved');
};

/** Where the cells with a position begin, those of the first cache first; `marks`: how many sequences each names. */
const findCells = ({ words, tokens }: Saved, position: number, marks: number): number[] => {
  const found: number[] = [];
  for (let at = 3 + tokens.length; at < words.length - 2; at++) {
    // A sequence that is alone, or none, in a context of one.
    const isCell = words[at] === position && words[at + 1] === marks && words[at + 2] === 0;
    if (isCell) found.push(at);
  }
  return found;
};

const changedCopy = async ({ words }: Saved, at: number, value: number): Promise<string> => {
  const copy = words.slice();
  copy[at] = value;
  return written(new Uint8Array(copy.buffer));
};

const written = async (content: Uint8Array): Promise<string> => {
  const file = path.join(root, 'changed.state');
  await writeFile(file, content);
  return file;
};

const models = [
  ['plain attention', () => Promise.resolve(tinySource.location), 1, 1],
  ['a sliding window', writeWindowModel, 1, 2],
  ['one state', writeRecurrentModel, 0, 1],
] as const;

describe.each(models)('a state of %s', (name, write, marks, caches) => {
  let model: string;
  let saved: Saved;
  beforeAll(async () => {
    model = await write(path.join(root, `${name}.gguf`));
    saved = await save(model);
  });

  test('is right as it was saved, and is laid out as one of two tokens', async () => {
    const { file, tokens, layout } = saved;
    expect(layout.parts).toHaveLength(caches);
    expect(await whyWrongState(file, { tokens, layout })).toBeUndefined();
  });

  test.each([0x7fff_ffff, -1, -0x8000_0000])('with the position %i in any of its caches is wrong', async (position) => {
    const cells = findCells(saved, saved.tokens.length - 1, marks);
    expect(cells).toHaveLength(caches);
    for (const at of cells)
      expect(await whyWrongState(await changedCopy(saved, at, position), saved)).toContain(`the position ${position} `);
  });

  test('that ends anywhere before its end, or goes on behind it, is wrong', async () => {
    const whole = new Uint8Array(saved.words.buffer);
    const lengths = [0, 4, 11, 12, 4 * (3 + saved.tokens.length), whole.length - 4, whole.length - 1];
    for (let i = 1; i < 50; i++) lengths.push(Math.floor((whole.length * i) / 50));
    for (const bytes of [
      ...lengths.map((length) => whole.subarray(0, length)),
      Buffer.concat([whole, Buffer.alloc(4)]),
    ])
      expect(await whyWrongState(await written(bytes), saved)).toMatch(/ends at byte|bytes, its cells need/);
  });

  test('that ends between two of its parts is a miss, and the engine lives', async () => {
    const whole = new Uint8Array(saved.words.buffer);
    // Where llama.cpp itself would go on with what its memory held last.
    const cuts = [whole.length - 4, whole.length >> 1, whole.length - (whole.length >> 3)];
    const expected = (await ask(model, [question(3)])).map(({ choices }) => choices[0]?.text);
    for (const length of cuts) {
      const folder = await mkdtemp(path.join(root, 'cut-'));
      await plant(saved.file, await written(whole.subarray(0, length)), folder);
      const { log, warnings } = warningsOf();
      const results = await ask(model, [question(3)], { prefixCacheDir: folder, log });
      expect(results.map(({ choices }) => choices[0]?.text)).toEqual(expected);
      expect(results[0]?.usage?.cachedPromptTokens).toBe(0);
      expect(warnings.filter((line) => /deleted: it (ends|has \d+ bytes)/.test(line))).toHaveLength(1);
    }
  });

  test('that would leave its slot unusable is deleted, and the slot goes on', async () => {
    const expected = (await ask(model, [question(3), question(4)])).map(({ choices }) => choices[0]?.text);
    for (const at of findCells(saved, saved.tokens.length - 1, marks)) {
      const folder = await mkdtemp(path.join(root, 'hostile-'));
      await plant(saved.file, await changedCopy(saved, at, 0x7fff_ffff), folder);
      const { log, warnings } = warningsOf();
      const results = await ask(model, [question(3), question(4)], { prefixCacheDir: folder, log });
      expect(results.map(({ choices }) => choices[0]?.text)).toEqual(expected);
      expect(results[0]?.usage?.cachedPromptTokens).toBe(0);
      expect(warnings.filter((line) => /deleted: .* for \d+ tokens/.test(line))).toHaveLength(1);
    }
  });
});

const warningsOf = (): { readonly log: Log; readonly warnings: readonly string[] } => {
  const warnings: string[] = [];
  const note = (): void => undefined;
  return { warnings, log: { debug: note, info: note, error: note, warn: (_, text) => void warnings.push(text) } };
};

/** Puts a changed state and its header into a folder, with the digests that whoever can write there could make. */
const plant = async (state: string, changed: string, folder: string): Promise<void> => {
  const [name = ''] = path.basename(state).split('.');
  const json = `${name.split('-').slice(0, 2).join('-')}.json`;
  const header = parseHeader(await readFile(path.join(path.dirname(state), json), 'utf8'));
  if (!header) throw new Error('the state has no header');
  await mkdir(folder, { recursive: true });
  const { digest, bytes } = await digestFile(changed);
  await writeFile(path.join(folder, json), encodeHeader({ ...header, digest, bytes }));
  await writeFile(path.join(folder, header.file), await readFile(changed));
};

describe('of plain attention', () => {
  let saved: Saved;
  let cell: number;
  let judge: (at: number, value: number) => Promise<string | undefined>;
  beforeAll(async () => {
    saved = await save(tinySource.location);
    cell = 3 + saved.tokens.length + 2;
    judge = async (at, value) => whyWrongState(await changedCopy(saved, cell + at, value), saved);
  });

  test('a position that comes twice is wrong', async () => {
    expect(await judge(0, 1)).toContain('the position 1 a second time');
  });

  test('more or fewer cells than tokens are wrong', async () => {
    expect(await judge(-1, 0x7fff_ffff)).toContain(`2147483647 cells for ${saved.tokens.length} tokens`);
    expect(await judge(-1, 0)).toContain(`0 cells for ${saved.tokens.length} tokens`);
  });

  test.each([0, 1, 0x7fff_ffff, -1])(
    'no field but the sequence of a cell may be %i where it was not',
    async (value) => {
      const { words, tokens } = saved;
      const layers = words[cell + 3 * tokens.length + 1] ?? 0;
      expect(layers).toBeGreaterThan(0);
      const sizes = 3 * tokens.length + 2;
      // Head, first and last token, counts, first cell, transposition and layers, what the first layer's keys are.
      const fields = [
        -cell,
        1 - cell,
        2 - cell,
        3 - cell,
        -3,
        -2,
        -1,
        0,
        1,
        sizes - 2,
        sizes - 1,
        sizes,
        sizes + 1,
        sizes + 2,
      ];
      for (const at of fields) {
        if (words[cell + at] === value) continue;
        expect(await judge(at, value), `the word at ${at}`).toMatch(/^(its|it|one of its) /);
      }
      expect(await judge(2, value)).toBeUndefined();
    },
  );
});

test.each([
  ['several sequences', { parallel: 3 }],
  ['quantised keys and values', { kvCacheType: 'q8_0', flashAttention: true }],
] as const)('states of %s are used', async (_, options) => {
  const prefixCacheDir = await mkdtemp(path.join(root, 'states-'));
  const { location } = tinySource;
  await ask(location, [question(1), question(2)], { ...options, prefixCacheDir });
  const { log, warnings } = warningsOf();
  const [result] = await ask(location, [question(3)], { ...options, prefixCacheDir, log });
  expect(result?.usage?.cachedPromptTokens).toBe(system.length);
  expect(warnings.filter((line) => line.includes('prefix state'))).toEqual([]);
});
