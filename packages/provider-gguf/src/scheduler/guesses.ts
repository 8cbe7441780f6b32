import type { SpeculationLoad } from '@golek/providers-spi';
import { DraftLength } from '../speculation/draft-length.ts';
import type { Speculation } from '../speculation/speculation.ts';
import { StepCosts } from '../speculation/step-costs.ts';
import type { Running, Slot } from './slots.ts';

/** Guesses for one sequence in one step. */
const MOST_GUESSES = 8;

/** A sequence that generates. */
export interface Generating {
  readonly slot: Slot;
  readonly running: Running;
}

/** How much of a context there is to guess with. */
export interface GuessBounds {
  readonly batchSize: number;
  readonly contextSize: number;
}

/** Tokens that are guessed to follow, evaluated together with the sampled one: how many for which sequence, and whether they were right. */
export class Guesses {
  readonly #speculation: Speculation;
  readonly #bounds: GuessBounds;
  readonly #costs = new StepCosts();
  /** By slot. */
  readonly #lengths = new Map<number, DraftLength>();
  /** What it took to guess what the next step evaluates, milliseconds. */
  #madeIn = 0;
  #guessed = 0;
  #accepted = 0;

  constructor(speculation: Speculation, bounds: GuessBounds) {
    this.#speculation = speculation;
    this.#bounds = bounds;
  }

  /** Tokens that were guessed and evaluated, and those of them that the sequences got. */
  get counts(): SpeculationLoad {
    return { guessed: this.#guessed, accepted: this.#accepted };
  }

  /** Guesses for the sequences of the next step, which has nothing else in it. */
  async make(generating: readonly Generating[]): Promise<void> {
    for (const { running } of generating) running.guesses = NONE;
    // What a step costs without them comes first.
    if (!this.#costs.knows(generating.length)) return;
    const cost = this.#costs.of(generating.length);
    const wanted = generating.flatMap(({ slot, running }) => {
      const most = this.#most(slot, running, generating.length);
      const limit = most < 1 ? 0 : (this.#lengths.get(slot.id)?.next(most, cost) ?? 0);
      return limit < 1 ? [] : [{ slot: slot.id, limit, running }];
    });
    if (wanted.length === 0) return;
    const began = performance.now();
    const made = await this.#speculation.propose(wanted.map(({ slot, limit }) => ({ slot, limit })));
    this.#madeIn = performance.now() - began;
    for (const [i, { running, limit }] of wanted.entries()) running.guesses = made[i]?.slice(0, limit) ?? NONE;
  }

  #most(slot: Slot, { entry, answered }: Running, sequences: number): number {
    const { batchSize, contextSize } = this.#bounds;
    return Math.min(
      MOST_GUESSES,
      // The last token of an answer is not evaluated.
      entry.sequence.limit - answered - 1,
      contextSize - slot.cached.length - 1,
      Math.floor(batchSize / sequences) - 1,
    );
  }

  /** A step without prompts and copies was made. */
  measured(sequences: number, guesses: number, ms: number): void {
    this.#costs.observe(sequences, guesses, guesses === 0 ? ms : ms + this.#madeIn);
  }

  /** A sequence got tokens, the first `right` of which had been guessed, of `guessed`. */
  got({ slot, running }: Generating, tokens: readonly number[], guessed: number, right: number): void {
    if (!this.#lengths.has(slot.id)) {
      this.#lengths.set(slot.id, new DraftLength());
      this.#speculation.begin(slot.id, running.entry.sequence.prompt);
    }
    this.#speculation.extend(slot.id, tokens);
    this.#lengths.get(slot.id)?.observe(guessed, right);
    this.#guessed += guessed;
    this.#accepted += right;
  }

  /** The sequence of a slot is gone. */
  end(slot: Slot): void {
    if (this.#lengths.delete(slot.id)) this.#speculation.end(slot.id);
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#speculation[Symbol.asyncDispose]();
  }
}

const NONE: readonly number[] = [];
