const BUCKETS = 12;

/** What a window holds. */
export interface WindowTotals {
  readonly count: number;
  readonly failed: number;
  /** Mean of the latencies given, milliseconds; absent when none was. */
  readonly meanMs: number | undefined;
}

interface Bucket {
  epoch: number;
  count: number;
  failed: number;
  latencyMs: number;
  timed: number;
}

const emptyBucket = (): Bucket => ({ epoch: -1, count: 0, failed: 0, latencyMs: 0, timed: 0 });

/** Counts attempts of the last `windowMs` milliseconds, in steps of a twelfth of it. Constant memory. */
export class SlidingWindow {
  readonly #bucketMs: number;
  #buckets = Array.from({ length: BUCKETS }, emptyBucket);

  constructor(windowMs: number) {
    this.#bucketMs = windowMs / BUCKETS;
  }

  /** `now`: milliseconds of a clock that never goes back. */
  add(now: number, failed: boolean, latencyMs?: number): void {
    const epoch = Math.floor(now / this.#bucketMs);
    const slot = epoch % BUCKETS;
    let bucket = this.#buckets[slot];
    if (bucket?.epoch !== epoch) this.#buckets[slot] = bucket = { ...emptyBucket(), epoch };
    bucket.count += 1;
    if (failed) bucket.failed += 1;
    if (latencyMs === undefined) return;
    bucket.latencyMs += latencyMs;
    bucket.timed += 1;
  }

  totals(now: number): WindowTotals {
    const oldest = Math.floor(now / this.#bucketMs) - BUCKETS;
    const sum = emptyBucket();
    for (const bucket of this.#buckets) {
      if (bucket.epoch <= oldest) continue;
      sum.count += bucket.count;
      sum.failed += bucket.failed;
      sum.latencyMs += bucket.latencyMs;
      sum.timed += bucket.timed;
    }
    return {
      count: sum.count,
      failed: sum.failed,
      meanMs: sum.timed === 0 ? undefined : sum.latencyMs / sum.timed,
    };
  }

  clear(): void {
    this.#buckets = Array.from({ length: BUCKETS }, emptyBucket);
  }
}
