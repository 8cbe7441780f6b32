import { digits } from './json-grammar.ts';

/** Bounds of a number, both included. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** The greatest integers that `digits` can write: beyond, a double is not exact. */
const MOST = 999_999_999_999_999;

/** Integers from `min` to `max`; undefined when there is none. The bounds are integers or infinite. */
export const integerWithin = ({ min, max }: Bounds): string | undefined => {
  const alternatives: string[] = [];
  if (max >= 0) alternatives.push(...naturals(Math.max(0, min), max));
  if (min < 0) alternatives.push(...naturals(Math.max(1, -max), -min).map((digitsOf) => `"-" ${digitsOf}`));
  return joined(alternatives);
};

/**
 * Numbers from `min` to `max`, without an exponent; undefined when there is none. The bounds are integers or infinite; `openMin` and
 * `openMax` leave the bound itself out.
 */
export const numberWithin = (
  bounds: Bounds & { readonly openMin: boolean; readonly openMax: boolean },
): string | undefined => {
  const { min, max, openMin, openMax } = bounds;
  const alternatives: string[] = [];
  if (max > 0 || (max === 0 && !openMax)) {
    const open = min >= 0 && openMin;
    alternatives.push(...magnitudes(Math.max(0, min), max, open, openMax));
  }
  if (min < 0) {
    const nearest = Math.max(0, -max);
    // "-0" is 0, which is allowed when the range crosses it, and otherwise only when the bound 0 itself is.
    const open = max < 0 ? openMax : max === 0 && openMax;
    alternatives.push(...magnitudes(nearest, -min, open, openMin).map((magnitude) => `"-" (${magnitude})`));
  }
  return joined(alternatives);
};

const joined = (alternatives: readonly string[]): string | undefined =>
  alternatives.length === 0 ? undefined : alternatives.join(' | ');

const FRACTION = '("." [0-9]{1,15})?';
const ZERO_FRACTION = '("." "0"{1,15})?';
const NONZERO_FRACTION = '"." "0"{0,14} [1-9] [0-9]{0,14}';

/** Numbers without sign from `low` to `high`. */
const magnitudes = (low: number, high: number, openLow: boolean, openHigh: boolean): string[] => {
  if (low > high || (low === high && (openLow || openHigh))) return [];
  if (low === high) return [`"${low}" ${ZERO_FRACTION}`];
  const last = high === Number.POSITIVE_INFINITY ? MOST : high - 1;
  const result = openLow ? [`"${low}" ${NONZERO_FRACTION}`] : [`"${low}" ${FRACTION}`];
  for (const whole of naturals(low + 1, last)) result.push(`(${whole}) ${FRACTION}`);
  if (high !== Number.POSITIVE_INFINITY && !openHigh) result.push(`"${high}" ${ZERO_FRACTION}`);
  return result;
};

/** Natural numbers from `low` to `high` without leading zeros, as alternatives. */
const naturals = (low: number, high: number): string[] => {
  const top = Math.min(high, MOST);
  if (low > top) return [];
  if (low === 0 && top === MOST) return [digits];
  const result: string[] = [];
  for (let from = low; from <= top;) {
    const width = String(from).length;
    const to = Math.min(top, 10 ** width - 1);
    result.push(...sameWidth(String(from), String(to)));
    from = to + 1;
  }
  return result;
};

/** Numbers between two of the same number of digits. */
const sameWidth = (low: string, high: string): string[] => {
  if (low === high) return [`"${low}"`];
  const first = low[0] ?? '';
  const last = high[0] ?? '';
  const rest = low.length - 1;
  if (first === last) return sameWidth(low.slice(1), high.slice(1)).map((tail) => `"${first}" ${tail}`);
  if (rest === 0) return [`[${first}-${last}]`];
  const lowIsFull = /^0*$/.test(low.slice(1));
  const highIsFull = /^9*$/.test(high.slice(1));
  const result: string[] = [];
  if (!lowIsFull) result.push(...sameWidth(low.slice(1), '9'.repeat(rest)).map((tail) => `"${first}" ${tail}`));
  const from = Number(first) + (lowIsFull ? 0 : 1);
  const to = Number(last) - (highIsFull ? 0 : 1);
  if (from <= to) result.push(`${from === to ? `"${from}"` : `[${from}-${to}]`} [0-9]{${rest}}`);
  if (!highIsFull) result.push(...sameWidth('0'.repeat(rest), high.slice(1)).map((tail) => `"${last}" ${tail}`));
  return result;
};
