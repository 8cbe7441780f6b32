import type { StreamRecord } from './stream-client.ts';

/** When the streams of a load send their first requests: all at the same moment, or one after the other. */
export const ARRIVALS = ['together', 'staggered'] as const;
export type Arrivals = (typeof ARRIVALS)[number];

/** When each stream starts, milliseconds after the first: spread evenly over the time of one answer. */
export const startTimes = (streams: number, answerMs: number): number[] =>
  Array.from({ length: streams }, (_, index) => (index * answerMs) / streams);

/** A span of time, milliseconds of `performance.now()`. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * The time in which all streams have a request in progress: from the first request of the last one that starts to the end of the last answer of the first one that ends.
 * Throws where there is none.
 */
export const spanOfAll = (streams: readonly (readonly StreamRecord[])[]): Span => {
  const from = Math.max(...streams.map((records) => Math.min(...records.map(({ startedAt }) => startedAt))));
  const to = Math.min(...streams.map((records) => Math.max(...records.map(({ endedAt }) => endedAt))));
  if (!(to > from)) throw new Error(`one of ${streams.length} streams had its last answer before another one started`);
  return { from, to };
};

/** Tokens of an answer that came within a span. A chunk has an equal share of the answer's tokens: some have none or several. */
export const tokensWithin = ({ chunksAt, completionTokens }: StreamRecord, { from, to }: Span): number => {
  const within = chunksAt.filter((at) => at > from && at <= to).length;
  return chunksAt.length === 0 ? 0 : (completionTokens * within) / chunksAt.length;
};
