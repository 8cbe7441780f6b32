/** Random numbers that are the same ones for the same seed. */
export interface Random {
  /** 0 to less than 1. */
  next(): number;
  /** A whole number from 0 to less than `limit`. */
  below(limit: number): number;
  of<T>(list: readonly T[]): T;
}

/** Mulberry32. */
export const randomOf = (seed: number): Random => {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return { next, below, of: (list) => list[below(list.length)] as (typeof list)[number] };
};
