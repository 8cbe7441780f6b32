import { readGgufFileInfo } from 'node-llama-cpp';
import { keyedBytes } from '../model-maker/keyed-bytes.ts';

/** Makes prompts of random tokens; no two are alike from their first tokens on. */
export class PromptMaker {
  readonly #from: number;
  readonly #count: number;
  #made = 0;

  /** For a vocabulary of `size` tokens, whose first `special` are left out. */
  constructor(size: number, special: number) {
    this.#from = special;
    this.#count = size - special;
  }

  /** Reads the vocabulary's size from a model file. */
  static async of(model: string): Promise<PromptMaker> {
    const { metadata } = await readGgufFileInfo(model, { readTensorInfo: false, logWarnings: false });
    const size = metadata.tokenizer.ggml.tokens.length;
    // Special tokens and single bytes come first in the vocabularies that the benchmarks use.
    return new PromptMaker(size, Math.min(300, Math.floor(size / 2)));
  }

  /** A new prompt of `length` tokens. */
  next(length: number): number[] {
    const random = keyedBytes(1, `prompt ${this.#made++}`)(4 * length);
    return Array.from({ length }, (_, index) => this.#from + (random.readUInt32LE(4 * index) % this.#count));
  }
}
