import { describe, expect, it } from 'vitest';
import { spanOfAll, startTimes, tokensWithin } from './arrivals.ts';
import type { StreamRecord } from './stream-client.ts';

const record = (startedAt: number, chunksAt: number[], completionTokens = chunksAt.length): StreamRecord => ({
  startedAt,
  endedAt: (chunksAt.at(-1) ?? startedAt) + 1,
  chunksAt,
  promptTokens: 4,
  cachedTokens: 0,
  completionTokens,
  finish: 'length',
});

describe('streams that start one after the other', () => {
  it('are spread over the time of one answer', () => {
    expect(startTimes(4, 1000)).toEqual([0, 250, 500, 750]);
    expect(startTimes(1, 1000)).toEqual([0]);
  });

  it('are all at work from the last start to the first end, in whatever order their answers are', () => {
    const streams = [
      [record(0, [10]), record(11, [50])],
      [record(35, [60]), record(20, [30])],
    ];
    expect(spanOfAll(streams)).toEqual({ from: 20, to: 51 });
  });

  it('that are never all at work have no such time', () => {
    const streams = [[record(0, [10])], [record(11, [20])]];
    expect(() => spanOfAll(streams)).toThrow('one of 2 streams had its last answer before another one started');
  });
});

describe('tokens within a span', () => {
  it('are those of its chunks, its end included', () => {
    expect(tokensWithin(record(0, [10, 20, 30, 40]), { from: 10, to: 30 })).toBe(2);
  });
  it('count by the share of a chunk where chunks have several', () => {
    expect(tokensWithin(record(0, [10, 20], 8), { from: 15, to: 30 })).toBe(4);
    expect(tokensWithin(record(0, [], 8), { from: 15, to: 30 })).toBe(0);
  });
});
