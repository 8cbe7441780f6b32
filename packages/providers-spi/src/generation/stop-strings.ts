export interface StopStep {
  /** Text that can go out: no stop string starts in it. */
  readonly text: string;
  /** The stop string that ended the text, when one did; nothing may be pushed after it. */
  readonly stop?: string;
}

/**
 * Cuts a streamed text before the first of several strings. What may be the beginning of one is held back until the next text
 * tells.
 */
export class StopStrings {
  readonly #stops: readonly string[];
  #held = '';

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  push(text: string): StopStep {
    if (this.#stops.length === 0) return { text };
    const all = this.#held + text;
    const found = this.#first(all);
    if (found) {
      this.#held = '';
      return { text: all.slice(0, found.at), stop: found.stop };
    }
    const safe = all.length - this.#possibleStart(all);
    this.#held = all.slice(safe);
    return { text: all.slice(0, safe) };
  }

  /** What was held back, when the text ends without a stop string. */
  end(): string {
    const text = this.#held;
    this.#held = '';
    return text;
  }

  /** The stop string that is complete first, the longest of those: the same one whatever pieces the text came in. */
  #first(text: string): { at: number; stop: string } | undefined {
    let first: { at: number; stop: string } | undefined;
    for (const stop of this.#stops) {
      const at = text.indexOf(stop);
      if (at < 0) continue;
      const later = first ? at + stop.length - (first.at + first.stop.length) : -1;
      if (!first || later < 0 || (later === 0 && at < first.at)) first = { at, stop };
    }
    return first;
  }

  /** Length of the longest end of the text that a stop string may start with. */
  #possibleStart(text: string): number {
    return Math.max(...this.#stops.map((stop) => overlap(text, stop)));
  }
}

/** Length of the longest end of `text` that is a beginning of `word`, shorter than the word itself. */
export const overlap = (text: string, word: string): number => {
  for (let length = Math.min(text.length, word.length - 1); length > 0; length--) {
    if (text.endsWith(word.slice(0, length))) return length;
  }
  return 0;
};
