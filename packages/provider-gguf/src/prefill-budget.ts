const FIRST_ROWS = 64;
const MIN_ROWS = 16;

/**
 * How many prompt tokens one step may evaluate. A step cannot be interrupted, so this bounds how long an abort and the other
 * sequences wait; it follows the measured speed of the model.
 */
export class PrefillBudget {
  readonly #maxRows: number;
  readonly #targetMs: number;
  #rows: number;

  constructor(maxRows: number, targetMs: number) {
    this.#maxRows = maxRows;
    this.#targetMs = targetMs;
    this.#rows = Math.min(FIRST_ROWS, maxRows);
  }

  get rows(): number {
    return this.#rows;
  }

  /** Takes the time of a step with `rows` rows, prompt tokens among them. */
  observe(rows: number, milliseconds: number): void {
    // A short last chunk says little about the time of a full one.
    if (rows * 2 < this.#rows) return;
    const fitting = (rows * this.#targetMs) / Math.max(milliseconds, 0.01);
    const next = Math.min((this.#rows + fitting) / 2, this.#rows * 2);
    this.#rows = Math.min(this.#maxRows, Math.max(MIN_ROWS, Math.floor(next)));
  }
}
