import type { StepCost } from './draft-length.ts';

const WEIGHT = 0.2;
/** Figures further off than this factor are taken as this far off. */
const OUTLIER = 3;

/** Learns from measured steps what guessed tokens cost. Steps with prompts say nothing of it. */
export class StepCosts {
  /** Sequences in a step → its time without guesses, milliseconds. */
  readonly #plain = new Map<number, number>();
  #guessMs: number | undefined;

  /** `sequences` of one token each and `guesses` more took `ms`. */
  observe(sequences: number, guesses: number, ms: number): void {
    const plain = this.#plain.get(sequences);
    if (guesses === 0) {
      this.#plain.set(sequences, blend(plain, ms));
      return;
    }
    if (plain === undefined) return;
    this.#guessMs = blend(this.#guessMs, Math.max(plain / 1_000, (ms - plain) / guesses));
  }

  /** For a step of so many sequences; undefined before steps with and without guesses were measured. */
  of(sequences: number): StepCost | undefined {
    const plain = this.#plain.get(sequences);
    if (plain === undefined || this.#guessMs === undefined) return undefined;
    return { tokenMs: plain / sequences, guessMs: this.#guessMs };
  }

  /** Whether a step without guesses of so many sequences was measured: until then none should be made. */
  knows(sequences: number): boolean {
    return this.#plain.has(sequences);
  }
}

const blend = (known: number | undefined, figure: number): number =>
  known === undefined
    ? figure
    : known + WEIGHT * (Math.min(OUTLIER * known, Math.max(known / OUTLIER, figure)) - known);
