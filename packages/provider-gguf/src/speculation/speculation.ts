/** How many tokens to guess for the sequence in a slot. */
export interface GuessWanted {
  readonly slot: number;
  /** At least 1. */
  readonly limit: number;
}

/** Guesses what the sequences of one context go on with. Its calls never overlap each other. */
export interface Speculation extends AsyncDisposable {
  /** A sequence with this prompt is in a slot now. */
  begin(slot: number, prompt: Uint32Array): void;
  /** The sequence has these tokens more; guesses that were wrong are not among them. */
  extend(slot: number, tokens: readonly number[]): void;
  /** The sequence is gone. */
  end(slot: number): void;
  /** For each slot its guesses, at most as many as wanted, perhaps none. */
  propose(wanted: readonly GuessWanted[]): Promise<readonly (readonly number[])[]> | readonly (readonly number[])[];
}
