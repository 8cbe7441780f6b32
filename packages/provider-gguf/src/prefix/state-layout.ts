/**
 * How llama.cpp 0.5.0 writes the state of a sequence of one model and context. All states of it are alike but for the number of cells, so one that the engine
 * itself wrote just now tells how every other one has to be.
 */
export interface StateLayout {
  readonly parts: readonly StatePart[];
}

/** One of the caches of a model, in the order of the file. */
export interface StatePart {
  /** The cache is kept by streams, one for each sequence of the context; 0: one recurrent state, which has a single cell. */
  readonly streams: number;
  /** Words of a cell: its position, a number of sequences, and what else it has. */
  readonly cellWords: number;
  /** What follows the cells. */
  readonly data: readonly StateData[];
}

/** Words that are always the same (types, sizes, counts), and behind them data that goes by the number of cells. */
export interface StateData {
  readonly words: readonly number[];
  readonly bytesPerCell: number;
}

/** Magic number, version, number of tokens; the tokens follow, then the parts. */
export const STATE_HEAD = { magic: 0x6767_7371, version: 3, words: 3 } as const;
/** A cell of attention: position, number of sequences (1), for some models x, y and token, the sequence. */
const CELL_WORDS = [3, 6];
/** A cell of one state for the whole sequence: position, number of sequences (0). */
const RECURRENT_WORDS = 2;
const MOST_PARTS = 8;
const MOST_LAYERS = 4096;
/** ggml has fewer. */
const MOST_TYPES = 256;

/** Reads the layout off a state of so many tokens that is known to be right; undefined where it is of a kind that is not known. */
export const layoutOf = (state: Uint8Array, tokens: number): StateLayout | undefined => {
  const parts = new LayoutReader(state, tokens).parts(4 * (STATE_HEAD.words + tokens), 0);
  return parts && { parts };
};

/** Where something ends that could be read, and what it is. */
interface Read<T> {
  readonly end: number;
  readonly value: T;
}

/** The file does not say what it holds: each way of reading it is tried, and the one that ends where the file ends is it. */
class LayoutReader {
  readonly #view: DataView;
  readonly #tokens: number;

  constructor(state: Uint8Array, tokens: number) {
    this.#view = new DataView(state.buffer, state.byteOffset, state.byteLength);
    this.#tokens = tokens;
  }

  parts(at: number, depth: number): StatePart[] | undefined {
    if (at === this.#view.byteLength) return depth > 0 ? [] : undefined;
    if (depth >= MOST_PARTS) return undefined;
    for (const { end, value } of this.#ways(at)) {
      const rest = this.parts(end, depth + 1);
      if (rest) return [value, ...rest];
    }
    return undefined;
  }

  *#ways(at: number): Generator<Read<StatePart>> {
    for (const cellWords of CELL_WORDS) yield* this.#attention(at, cellWords);
    yield* this.#recurrent(at);
  }

  *#attention(start: number, cellWords: number): Generator<Read<StatePart>> {
    const streams = this.#word(start);
    // The state is the first sequence's.
    const cells = this.#word(start + 4);
    if (streams === 0 || cells === 0 || cells > this.#tokens || !this.#isOfCells(start + 8, cells, cellWords, 1))
      return;
    const at = start + 8 + 4 * cells * cellWords;
    const [transposed, layers] = [this.#word(at), this.#word(at + 4)];
    if (transposed > 1 || layers > MOST_LAYERS) return;
    const keys = this.#data(at + 8, cells, layers, (from) => this.#rows(from), [transposed, layers]);
    if (!keys) return;
    const values = this.#data(
      keys.end,
      cells,
      layers,
      (from) => (transposed === 0 ? this.#rows(from) : this.#columns(from)),
      [],
    );
    // Some models have keys that serve as values.
    for (const { end, value } of values ? [{ end: values.end, value: [...keys.value, ...values.value] }, keys] : [keys])
      if (this.#areZeros(end, streams - 1))
        yield { end: end + 4 * (streams - 1), value: { streams, cellWords, data: value } };
  }

  *#recurrent(start: number): Generator<Read<StatePart>> {
    if (this.#word(start) !== 1 || !this.#isOfCells(start + 4, 1, RECURRENT_WORDS, 0)) return;
    let at = start + 4 + 4 * RECURRENT_WORDS;
    const [transposed, layers] = [this.#word(at), this.#word(at + 4)];
    if (transposed !== 0 || layers > MOST_LAYERS) return;
    at += 8;
    const data: StateData[] = [{ words: [transposed, layers], bytesPerCell: 0 }];
    // Not every layer has such a state, and which ones is not in the file.
    for (let i = 0; i <= 2 * layers; i++) {
      yield { end: at, value: { streams: 0, cellWords: RECURRENT_WORDS, data: [...data] } };
      const row = this.#rows(at);
      if (!row || row.end + row.value.bytesPerCell > this.#view.byteLength) return;
      data.push(row.value);
      at = row.end + row.value.bytesPerCell;
    }
  }

  /** For each layer what `head` reads and the data behind it. `before`: words that precede all. */
  #data(
    start: number,
    cells: number,
    layers: number,
    head: (at: number) => Read<StateData> | undefined,
    before: readonly number[],
  ): Read<StateData[]> | undefined {
    const value: StateData[] = before.length > 0 ? [{ words: before, bytesPerCell: 0 }] : [];
    let end = start;
    for (let layer = 0; layer < layers; layer++) {
      const read = head(end);
      if (!read) return undefined;
      end = read.end + cells * read.value.bytesPerCell;
      if (end > this.#view.byteLength) return undefined;
      value.push(read.value);
    }
    return { end, value };
  }

  /** The type of a layer's rows and the size of one, in two words. */
  #rows(at: number): Read<StateData> | undefined {
    const words = [this.#word(at), this.#word(at + 4), this.#word(at + 8)];
    const [type = 0, bytesPerCell = 0, high = 0] = words;
    return type < MOST_TYPES && bytesPerCell > 0 && high === 0
      ? { end: at + 12, value: { words, bytesPerCell } }
      : undefined;
  }

  /** The type of a layer's columns, the size of an element and how many columns there are. */
  #columns(at: number): Read<StateData> | undefined {
    const words = [this.#word(at), this.#word(at + 4), this.#word(at + 8)];
    const [type = 0, element = 0, width = 0] = words;
    return type < MOST_TYPES && element * width > 0
      ? { end: at + 12, value: { words, bytesPerCell: element * width } }
      : undefined;
  }

  #isOfCells(at: number, cells: number, words: number, sequences: number): boolean {
    for (let i = 0; i < cells; i++) if (this.#word(at + 4 * (i * words + 1)) !== sequences) return false;
    return true;
  }

  #areZeros(at: number, count: number): boolean {
    for (let i = 0; i < count; i++) if (this.#word(at + 4 * i) !== 0) return false;
    return true;
  }

  /** Little-endian; what no file has where this one has ended. */
  #word(at: number): number {
    return at + 4 <= this.#view.byteLength ? this.#view.getUint32(at, true) : 0xffff_ffff;
  }
}
