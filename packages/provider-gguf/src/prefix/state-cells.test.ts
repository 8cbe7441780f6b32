import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collect, type InferenceResult } from '@golek/api/plain';
import type { Log } from '@golek/providers-spi';
import { createGgufProvider, type GgufProviderOptions } from '../index.ts';
import { complete, tinySource } from '../tiny-model.fixture.ts';
import { PLAIN_TOKENS, WINDOW, writeRecurrentModel, writeWindowModel } from './odd-memory.fixture.ts';
import { whyWrongCells } from './state-cells.ts';
import { digestFile } from './state-digest.ts';
import { encodeHeader, parseHeader } from './state-header.ts';

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
  readonly tokens: number;
}

/** Has a model save a state that begins with `system`. */
const save = async (location: string, parallel: number): Promise<Saved> => {
  const folder = await mkdtemp(path.join(root, 'states-'));
  // The first state shows whether the memory can be cut; where it cannot, the second one is exact.
  const others = [1, 2].map((n) => [...noise(9, 200), ...noise(200 + n, 40)]);
  await ask(location, [...others, question(1), question(2)], { parallel, prefixCacheDir: folder });
  for (const name of (await readdir(folder)).filter((file) => file.endsWith('.state'))) {
    const content = await readFile(path.join(folder, name));
    const words = new Int32Array(content.buffer.slice(content.byteOffset, content.byteOffset + content.length));
    if (words[3] === system[0]) return { file: path.join(folder, name), words, tokens: words[2] ?? 0 };
  }
  throw new Error('no state was saved');
};

/** Where the cells with a position begin, those of the first cache first; `marks`: how many sequences each names. */
const findCells = ({ words, tokens }: Saved, position: number, marks: number): number[] => {
  const found: number[] = [];
  for (let at = 3 + tokens; at < words.length - 2; at++) {
    // A sequence that is alone, or none, in a context of one.
    const isCell = words[at] === position && words[at + 1] === marks && words[at + 2] === 0;
    if (isCell) found.push(at);
  }
  return found;
};

const changedCopy = async ({ words }: Saved, at: number, value: number): Promise<string> => {
  const copy = words.slice();
  copy[at] = value;
  const file = path.join(root, 'changed.state');
  await writeFile(file, new Uint8Array(copy.buffer));
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
    saved = await save(model, 1);
  });

  test('is right as it was saved, also one of several sequences', async () => {
    for (const [sequences, { file, tokens }] of [[1, saved] as const, [3, await save(model, 3)] as const])
      expect(await whyWrongCells(file, { tokens, sequences })).toBeUndefined();
  });

  test.each([0x7fff_ffff, -1, -0x8000_0000])('with the position %i in any of its caches is wrong', async (position) => {
    const { tokens } = saved;
    const cells = findCells(saved, tokens - 1, marks);
    expect(cells).toHaveLength(caches);
    for (const at of cells) {
      const reason = await whyWrongCells(await changedCopy(saved, at, position), { tokens, sequences: 1 });
      // The position of a recurrent state lies where others have the number of their cells.
      expect(reason).toContain(marks > 0 ? `the position ${position} for ${tokens} tokens` : ` for ${tokens} tokens`);
    }
  });

  test('that would leave its slot unusable is deleted, and the slot goes on', async () => {
    const expected = (await ask(model, [question(3), question(4)])).map(({ choices }) => choices[0]?.text);
    for (const at of findCells(saved, saved.tokens - 1, marks)) {
      const folder = await mkdtemp(path.join(root, 'hostile-'));
      await plant(saved.file, await changedCopy(saved, at, 0x7fff_ffff), folder);
      const warnings: string[] = [];
      const note = (): void => undefined;
      const log: Log = { debug: note, info: note, error: note, warn: (_, text) => void warnings.push(text) };
      const results = await ask(model, [question(3), question(4)], { prefixCacheDir: folder, log });
      expect(results.map(({ choices }) => choices[0]?.text)).toEqual(expected);
      expect(results[0]?.usage?.cachedPromptTokens).toBe(0);
      expect(warnings.filter((line) => /deleted: .* for \d+ tokens/.test(line))).toHaveLength(1);
    }
  });
});

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
    saved = await save(tinySource.location, 1);
    const { tokens } = saved;
    cell = 3 + tokens + 2;
    judge = async (at, value) => whyWrongCells(await changedCopy(saved, cell + at, value), { tokens, sequences: 1 });
  });

  test('a position that comes twice is wrong', async () => {
    expect(await judge(0, 1)).toContain('the position 1 a second time');
  });

  test('more cells than tokens are wrong', async () => {
    expect(await judge(-1, 0x7fff_ffff)).toContain(`2147483647 cells for ${saved.tokens} tokens`);
  });

  test('nothing is said of what llama.cpp refuses before it takes a cell over', async () => {
    expect(await judge(-2, 7)).toBeUndefined();
    expect(await judge(1, 2)).toBeUndefined();
  });

  test('keys and values of any size are skipped as far as the file goes', async () => {
    const data = 3 * saved.tokens;
    for (const at of [data + 1, data + 3, data + 4]) expect(await judge(at, 0x7fff_ffff)).toBeUndefined();
  });

  test('a file that ends anywhere is read as far as it goes', async () => {
    const bytes = new Uint8Array(saved.words.buffer);
    for (const length of [0, 4, 11, 12, 4 * cell - 6, 4 * cell + 30, bytes.length - 1]) {
      const file = path.join(root, 'short.state');
      await writeFile(file, bytes.subarray(0, length));
      expect(await whyWrongCells(file, { tokens: saved.tokens, sequences: 1 })).toBeUndefined();
    }
  });
});
