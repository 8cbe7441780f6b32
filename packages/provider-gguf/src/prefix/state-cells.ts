import { open, type FileHandle } from 'node:fs/promises';

export interface ExpectedCells {
  /** The state is of so many tokens. */
  readonly tokens: number;
  /** Of the context; each has a part of the cache to itself. */
  readonly sequences: number;
}

/** Magic number, version, number of tokens; the tokens follow, then the cells. */
const HEAD_WORDS = 3;
/** A cell of attention: position, number of sequences (1), for some models x, y and token, the sequence. */
const CELL_WORDS = [3, 6];
/** A cell of one state for the whole sequence: position, number of sequences (0). */
const RECURRENT_WORDS = 2;
const MOST_LAYERS = 4096;
/** No model has more of them, one after the other. */
const MOST_CACHES = 4;

/**
 * Looks through the cells of a state as llama.cpp 0.5.0 writes it, before llama.cpp reads it: that takes any position, and cannot remove a cell whose position is 2³¹ - 1 or negative.
 * Resolves to what is wrong, undefined where nothing is. Of a layout that it does not know it says nothing; whatever a model with attention, windows,
 * recurrent layers or some of each would take over is known.
 */
export const whyWrongCells = async (path: string, expected: ExpectedCells): Promise<string | undefined> => {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    return await new CellWalk(file, size, expected).look();
  } finally {
    await file.close();
  }
};

class CellWalk {
  readonly #file: FileHandle;
  readonly #size: number;
  readonly #expected: ExpectedCells;
  #wrong: string | undefined;

  constructor(file: FileHandle, size: number, expected: ExpectedCells) {
    this.#file = file;
    this.#size = size;
    this.#expected = expected;
  }

  async look(): Promise<string | undefined> {
    const head = await this.#words(0, HEAD_WORDS);
    let at = head && 4 * (HEAD_WORDS + (head[2] as number));
    for (let cache = 0; cache < MOST_CACHES && at !== undefined; cache++) {
      const end = await this.#attention(at);
      // What is recurrent comes last.
      if (end === 'no cells') await this.#recurrent(at);
      at = end === 'no cells' ? undefined : end;
    }
    return this.#wrong;
  }

  /** Where the cache of cells that begins at a place ends; undefined where something is wrong with it, or it cannot be followed. */
  async #attention(start: number): Promise<number | 'no cells' | undefined> {
    const { sequences, tokens } = this.#expected;
    if ((await this.#words(start, 1))?.[0] !== sequences) return 'no cells';
    let at: number | undefined = start + 4;
    let held = 0;
    for (let left = sequences - 1; left >= 0 && at !== undefined; left--) {
      const count: number | undefined = (await this.#words(at, 1))?.[0];
      if (count === undefined) return undefined;
      at += 4;
      if (count === 0) continue;
      if (count > tokens) return this.#refuse(`it has ${count} cells for ${tokens} tokens`);
      const end = await this.#cells(at, count);
      if (end === 'no cells') return held === 0 ? end : undefined;
      at = end && (await this.#endOfData(end, count, left));
      held += count;
    }
    return held === 0 ? 'no cells' : at;
  }

  /** Judges the positions of cells, in each way in which they can be read; where they end, undefined where something is wrong with them. */
  async #cells(at: number, count: number): Promise<number | 'no cells' | undefined> {
    let end: number | undefined;
    for (const words of CELL_WORDS) {
      const cells = await this.#words(at, count * words);
      if (!cells || !every(cells, words, 1)) continue;
      if (!this.#judge(cells, words)) return undefined;
      end ??= at + 4 * cells.length;
    }
    return end ?? 'no cells';
  }

  async #recurrent(at: number): Promise<undefined> {
    const count = (await this.#words(at, 1))?.[0] ?? 0;
    if (count === 0 || count > this.#expected.tokens) return;
    const cells = await this.#words(at + 4, count * RECURRENT_WORDS);
    // Cells of attention that could not be followed may look so, with their number as the position; that one can be removed.
    if (cells && every(cells, RECURRENT_WORDS, 0)) this.#judge(cells, RECURRENT_WORDS, this.#expected.tokens + 1);
  }

  /** Whether each position is one of the tokens', and no two are the same. */
  #judge(cells: Uint32Array, words: number, positions = this.#expected.tokens): boolean {
    const { tokens } = this.#expected;
    const seen = new Uint8Array(positions);
    for (let i = 0; i < cells.length; i += words) {
      const position = cells[i] as number;
      if (seen[position] === 0) {
        seen[position] = 1;
        continue;
      }
      const what = position < positions ? 'a second time' : `for ${tokens} tokens`;
      this.#refuse(`one of its cells has the position ${position | 0} ${what}`);
      return false;
    }
    return true;
  }

  /** Skips keys and values: whether they are transposed, the number of layers, then for each layer their type, the size of a row, the rows. */
  async #endOfData(start: number, count: number, partsLeft: number): Promise<number | undefined> {
    const [transposed, layers] = (await this.#words(start, 2)) ?? [];
    if (layers === undefined || layers > MOST_LAYERS) return undefined;
    let at: number | undefined = start + 8;
    for (let layer = 0; layer < layers && at !== undefined; layer++) at = await this.#endOfRows(at, count);
    // Some models have keys that serve as values.
    if (at === undefined || at === this.#size - 4 * partsLeft) return at;
    for (let layer = 0; layer < layers && at !== undefined; layer++)
      at = await (transposed === 0 ? this.#endOfRows(at, count) : this.#endOfColumns(at, count));
    return at;
  }

  async #endOfRows(at: number, count: number): Promise<number | undefined> {
    const [, low = 0, high = 0] = (await this.#words(at, 3)) ?? [];
    return this.#within(at + 12 + count * (low + 2 ** 32 * high), low);
  }

  async #endOfColumns(at: number, count: number): Promise<number | undefined> {
    const [, element = 0, width = 0] = (await this.#words(at, 3)) ?? [];
    return this.#within(at + 12 + count * element * width, width);
  }

  #within(end: number, size: number): number | undefined {
    return size > 0 && end <= this.#size ? end : undefined;
  }

  #refuse(reason: string): undefined {
    this.#wrong = reason;
  }

  /** Little-endian words of the file; undefined where it is too short. */
  async #words(at: number, count: number): Promise<Uint32Array | undefined> {
    const bytes = 4 * count;
    if (at + bytes > this.#size) return undefined;
    const { buffer, bytesRead } = await this.#file.read(Buffer.alloc(bytes), 0, bytes, at);
    if (bytesRead < bytes) return undefined;
    return Uint32Array.from({ length: count }, (_, i) => buffer.readUInt32LE(4 * i));
  }
}

/** Whether the second word of each cell, its number of sequences, is what it has to be. */
const every = (cells: Uint32Array, words: number, sequences: number): boolean => {
  for (let i = 1; i < cells.length; i += words) if (cells[i] !== sequences) return false;
  return true;
};
