import { open, type FileHandle } from 'node:fs/promises';
import { STATE_HEAD, type StateData, type StateLayout, type StatePart } from './state-layout.ts';

export interface ExpectedState {
  /** The state is of these tokens. */
  readonly tokens: Uint32Array;
  /** Of the states of this model and context. */
  readonly layout: StateLayout;
}

/**
 * Reads through a state as llama.cpp does, but for keys and values, before llama.cpp reads it. That takes any position, and cannot remove a cell whose position is 2³¹ - 1
 * or negative; and behind the end of a file it goes on with what its memory held, and ends the process when it notices. Resolves to what is wrong, undefined where nothing is.
 */
export const whyWrongState = async (path: string, expected: ExpectedState): Promise<string | undefined> => {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    await new StateReader(file, size, expected).read();
    return undefined;
  } catch (error) {
    if (error instanceof WrongState) return error.message;
    throw error;
  } finally {
    await file.close();
  }
};

/** Read at once, bytes: most of a state is skipped. */
const WINDOW = 4096;

class WrongState extends Error {}

class StateReader {
  readonly #file: FileHandle;
  readonly #size: number;
  readonly #tokens: Uint32Array;
  readonly #layout: StateLayout;
  #at = 0;
  /** What was read last, and where it lies in the file. */
  #window = Buffer.alloc(0);
  #windowAt = 0;

  constructor(file: FileHandle, size: number, { tokens, layout }: ExpectedState) {
    this.#file = file;
    this.#size = size;
    this.#tokens = tokens;
    this.#layout = layout;
  }

  async read(): Promise<void> {
    const { length } = this.#tokens;
    await this.#expect([STATE_HEAD.magic, STATE_HEAD.version, length], 'head');
    await this.#expect(this.#tokens, 'tokens');
    for (const [i, part] of this.#layout.parts.entries()) {
      // What looks at the last tokens only comes behind what sees all.
      await (part.streams === 0 ? this.#state(part) : this.#streams(part, i === 0));
    }
    if (this.#at !== this.#size) throw new WrongState(`it has ${this.#size} bytes, its cells need ${this.#at}`);
  }

  async #streams(part: StatePart, isWhole: boolean): Promise<void> {
    const { length } = this.#tokens;
    await this.#expect([part.streams], 'number of sequences');
    let held = 0;
    for (let stream = 0; stream < part.streams; stream++) {
      const [count = 0] = await this.#words(1);
      if (count === 0) continue;
      if (held > 0) throw new WrongState('it has cells of a second sequence');
      if (count > length) throw new WrongState(`it has ${count} cells for ${length} tokens`);
      await this.#cells(part, count, 1);
      await this.#data(part.data, count);
      held = count;
    }
    if (held === 0 || (isWhole && held < length)) throw new WrongState(`it has ${held} cells for ${length} tokens`);
  }

  async #state(part: StatePart): Promise<void> {
    const [count = 0] = await this.#words(1);
    if (count !== 1) throw new WrongState(`it has ${count} cells for one state`);
    await this.#cells(part, count, 0);
    await this.#data(part.data, count);
  }

  /** They are those of the last tokens, each once. */
  async #cells({ cellWords }: StatePart, count: number, sequences: number): Promise<void> {
    const { length } = this.#tokens;
    const cells = await this.#words(count * cellWords);
    const seen = new Uint8Array(length);
    for (let i = 0; i < cells.length; i += cellWords) {
      const position = cells[i] as number;
      if (cells[i + 1] !== sequences) throw new WrongState(`one of its cells is of ${cells[i + 1] ?? 0} sequences`);
      if (position >= length || position < length - count)
        throw new WrongState(`one of its ${count} cells has the position ${position | 0} for ${length} tokens`);
      if (seen[position] === 1) throw new WrongState(`one of its cells has the position ${position} a second time`);
      seen[position] = 1;
    }
  }

  async #data(data: readonly StateData[], count: number): Promise<void> {
    for (const { words, bytesPerCell } of data) {
      await this.#expect(words, 'types and sizes');
      this.#at += count * bytesPerCell;
    }
  }

  async #expect(expected: ArrayLike<number>, what: string): Promise<void> {
    const at = this.#at;
    const words = await this.#words(expected.length);
    const wrong = words.findIndex((word, i) => word !== expected[i]);
    if (wrong < 0) return;
    const [has, wanted] = [words[wrong] ?? 0, expected[wrong] ?? 0];
    throw new WrongState(`its ${what} at byte ${at + 4 * wrong} has ${has}, not ${wanted}`);
  }

  /** Little-endian words of the file. */
  async #words(count: number): Promise<Uint32Array> {
    const bytes = 4 * count;
    if (this.#at + bytes > this.#size) throw this.#short();
    const start = this.#at - this.#windowAt;
    if (start < 0 || start + bytes > this.#window.length) await this.#look(bytes);
    const at = this.#at - this.#windowAt;
    const words = Uint32Array.from({ length: count }, (_, i) => this.#window.readUInt32LE(at + 4 * i));
    this.#at += bytes;
    return words;
  }

  /** Reads so many bytes, and some of what follows. */
  async #look(bytes: number): Promise<void> {
    const wanted = Math.max(bytes, WINDOW);
    const { buffer, bytesRead } = await this.#file.read(Buffer.alloc(wanted), 0, wanted, this.#at);
    if (bytesRead < bytes) throw this.#short();
    this.#window = buffer.subarray(0, bytesRead);
    this.#windowAt = this.#at;
  }

  #short(): WrongState {
    return new WrongState(`it ends at byte ${this.#size}, before its cells do`);
  }
}
