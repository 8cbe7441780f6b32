import { InvalidArgumentError } from 'commander';

/** What is measured. */
export interface BenchPlan {
  /** Requests at a time, ascending; 1 is always among them: it gives the rates of a single request. */
  readonly concurrency: readonly number[];
  readonly promptTokens: number;
  /** Tokens of every answer. */
  readonly tokens: number;
  readonly rounds: number;
}

const MOST = 1024;

/** Reads a whole number from `least` to `most`. */
export const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    return value;
  };

/** Reads `1,2,4,8`. */
export const concurrencyList = (text: string): number[] => {
  const values = text.split(',').map(wholeNumber(1, MOST));
  return [...new Set([1, ...values])].toSorted((a, b) => a - b);
};
