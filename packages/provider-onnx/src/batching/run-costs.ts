/** How fast what was learned long ago is forgotten. */
const DECAY = 0.98;
/** Until enough was seen: what a run costs beside its tokens, in tokens. */
const FIRST_GUESS = 32;
const ENOUGH = 8;

/**
 * What runs cost: a fixed part and a part for each token, learned by least squares over recent runs. Says how many tokens of padding are as expensive
 * as one more run, so that inputs of unequal length are joined or kept apart as the model and machine have it.
 */
export class RunCosts {
  #weight = 0;
  #tokens = 0;
  #squares = 0;
  #times = 0;
  #products = 0;
  #runs = 0;

  observe(tokens: number, ms: number): void {
    this.#runs++;
    this.#weight = this.#weight * DECAY + 1;
    this.#tokens = this.#tokens * DECAY + tokens;
    this.#squares = this.#squares * DECAY + tokens * tokens;
    this.#times = this.#times * DECAY + ms;
    this.#products = this.#products * DECAY + tokens * ms;
  }

  /** Tokens that could be evaluated in the time that starting one more run takes. */
  get overheadTokens(): number {
    const fit = this.#fit();
    if (!fit) return FIRST_GUESS;
    return Math.min(512, Math.max(0, fit.start / fit.perToken));
  }

  #fit(): { start: number; perToken: number } | undefined {
    const spread = this.#squares * this.#weight - this.#tokens * this.#tokens;
    // Runs that were all of one size do not tell the two parts from each other.
    if (this.#runs < ENOUGH || spread < 0.01 * this.#squares * this.#weight) return undefined;
    const perToken = (this.#products * this.#weight - this.#tokens * this.#times) / spread;
    const start = (this.#times - perToken * this.#tokens) / this.#weight;
    return perToken > 0 ? { start: Math.max(0, start), perToken } : undefined;
  }
}
