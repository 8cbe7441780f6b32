import type { GuessWanted, Speculation } from './speculation.ts';

/** Tokens that must agree with an earlier place before it is taken for a guess. */
const LEAST_MATCH = 2;
/** Agreement beyond this is as good as any. */
const LONGEST_MATCH = 16;
/** Earlier places that are compared for one guess. */
const CANDIDATES = 8;
/** More than any vocabulary has. */
const VOCABULARY = 2 ** 24;

/**
 * Guesses that a sequence goes on as it did where its last tokens stood before, in the prompt or in the answer: quotes, code that is edited, lists. Prompt lookup
 * decoding (Saxena 2023). Memory: a few numbers for each token of the sequences.
 */
export class PromptLookup implements Speculation {
  readonly #sequences = new Map<number, SequenceLookup>();
  readonly #mayFollow: (token: number) => boolean;

  /** `mayFollow`: false for tokens that end an answer, which are never guessed. */
  constructor(mayFollow: (token: number) => boolean) {
    this.#mayFollow = mayFollow;
  }

  begin(slot: number, prompt: Uint32Array): void {
    const sequence = new SequenceLookup(this.#mayFollow);
    sequence.extend(prompt);
    this.#sequences.set(slot, sequence);
  }

  extend(slot: number, tokens: readonly number[]): void {
    this.#sequences.get(slot)?.extend(tokens);
  }

  end(slot: number): void {
    this.#sequences.delete(slot);
  }

  propose(wanted: readonly GuessWanted[]): readonly (readonly number[])[] {
    return wanted.map(({ slot, limit }) => this.#sequences.get(slot)?.propose(limit) ?? []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sequences.clear();
  }
}

class SequenceLookup {
  readonly #tokens: number[] = [];
  /** Pair of tokens → where its last occurrence ends. */
  readonly #last = new Map<number, number>();
  /** For each place, where the same pair ended before; -1: nowhere. */
  readonly #before: number[] = [];
  readonly #mayFollow: (token: number) => boolean;

  constructor(mayFollow: (token: number) => boolean) {
    this.#mayFollow = mayFollow;
  }

  extend(tokens: Iterable<number>): void {
    for (const token of tokens) {
      const place = this.#tokens.push(token) - 1;
      const key = place === 0 ? -1 : this.#key(place);
      this.#before.push(this.#last.get(key) ?? -1);
      this.#last.set(key, place);
    }
  }

  propose(limit: number): readonly number[] {
    const from = this.#bestPlace();
    if (from < 0) return [];
    const tokens = this.#tokens;
    const guess: number[] = [];
    for (let place = from + 1; guess.length < limit; place++) {
      // Beyond the end, what was just guessed goes on: a repetition shorter than the guess.
      const token = place < tokens.length ? tokens[place] : guess[place - tokens.length];
      if (token === undefined || !this.#mayFollow(token)) break;
      guess.push(token);
    }
    return guess;
  }

  #key(place: number): number {
    return (this.#tokens[place - 1] ?? 0) * VOCABULARY + (this.#tokens[place] ?? 0);
  }

  /** The earlier place that agrees longest with the end, the last one of several; -1: none. */
  #bestPlace(): number {
    const end = this.#tokens.length - 1;
    if (end < LEAST_MATCH) return -1;
    let [best, longest] = [-1, LEAST_MATCH - 1];
    let place = this.#before[end] ?? -1;
    for (let tried = 0; place > 0 && tried < CANDIDATES; tried++) {
      const length = this.#agreement(place, end);
      if (length > longest) [best, longest] = [place, length];
      place = this.#before[place] ?? -1;
    }
    return best;
  }

  #agreement(place: number, end: number): number {
    let length = 0;
    while (length < LONGEST_MATCH && place >= length && this.#tokens[place - length] === this.#tokens[end - length])
      length++;
    return length;
  }
}
