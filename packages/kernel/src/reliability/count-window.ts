const SLICES = 10;

/** Two counts over the last `windowMs` milliseconds, kept in ten slices, so that what is forgotten goes a tenth at a time. */
export class CountWindow {
  readonly #sliceMs: number;
  readonly #counts = [new Float64Array(SLICES), new Float64Array(SLICES)] as const;
  readonly #sums: [number, number] = [0, 0];
  /** Number of the present slice since the epoch of `now`. */
  #slice = 0;

  constructor(windowMs: number) {
    this.#sliceMs = windowMs / SLICES;
  }

  add(column: 0 | 1, now: number): void {
    this.#advance(now);
    const counts = this.#counts[column];
    const at = this.#slice % SLICES;
    counts[at] = (counts[at] ?? 0) + 1;
    this.#sums[column] += 1;
  }

  sum(column: 0 | 1, now: number): number {
    this.#advance(now);
    return this.#sums[column];
  }

  clear(): void {
    for (const column of [0, 1] as const) {
      this.#counts[column].fill(0);
      this.#sums[column] = 0;
    }
  }

  #advance(now: number): void {
    const slice = Math.floor(now / this.#sliceMs);
    if (slice <= this.#slice) return;
    if (slice - this.#slice >= SLICES) this.clear();
    else
      for (let gone = this.#slice + 1; gone <= slice; gone++) {
        const at = gone % SLICES;
        for (const column of [0, 1] as const) {
          this.#sums[column] -= this.#counts[column][at] ?? 0;
          this.#counts[column][at] = 0;
        }
      }
    this.#slice = slice;
  }
}
