/** Weight of a new figure in the running ones. */
const WEIGHT = 0.1;
/** Taken for the share of right guesses before there are any. */
const FIRST_ACCEPTANCE = 0.6;
/** Tokens of a sequence between two trials while guessing does not pay. */
const TRIAL_EVERY = 64;
const TRIAL_LENGTH = 2;

/** Times of steps, milliseconds. */
export interface StepCost {
  /** What a sequence's token costs in a step without guesses. */
  readonly tokenMs: number;
  /** What one guessed token adds to a step. */
  readonly guessMs: number;
}

/**
 * How many tokens are guessed for one sequence: as many as give the most tokens in a millisecond, by the measured share of right guesses and the measured cost of
 * evaluating one. Where guessing does not pay, a short one is tried now and then, because text changes.
 */
export class DraftLength {
  /** Share of guesses that were right, of those whose predecessors were right. */
  #acceptance = FIRST_ACCEPTANCE;
  #sinceTrial = 0;

  /** Guesses for the next step; `cost` is undefined before it was measured. */
  next(most: number, cost: StepCost | undefined): number {
    const best = cost ? bestLength(this.#acceptance, most, cost) : Math.min(most, TRIAL_LENGTH);
    if (best > 0 || this.#sinceTrial < TRIAL_EVERY) return best;
    this.#sinceTrial = 0;
    return Math.min(most, TRIAL_LENGTH);
  }

  /** A step evaluated `guessed` tokens, of which the first `right` were what the sequence got. */
  observe(guessed: number, right: number): void {
    this.#sinceTrial += right + 1;
    for (let i = 0; i < Math.min(guessed, right + 1); i++)
      this.#acceptance += WEIGHT * ((i < right ? 1 : 0) - this.#acceptance);
  }
}

/** The number of guesses k with the greatest (1 + p + … + p^k) / (cost of the step), p the share of right guesses. */
export const bestLength = (acceptance: number, most: number, { tokenMs, guessMs }: StepCost): number => {
  let [best, rate] = [0, 1 / tokenMs];
  let tokens = 1;
  for (let k = 1; k <= most; k++) {
    tokens += acceptance ** k;
    const withK = tokens / (tokenMs + k * guessMs);
    if (withK > rate) [best, rate] = [k, withK];
  }
  return best;
};
