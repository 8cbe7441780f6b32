import { stripVTControlCharacters } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import { benchReport } from './bench-report.ts';
import { promptsFrom, runBench } from './bench-run.ts';
import { concurrencyList, wholeNumber } from './bench-plan.ts';
import type { BenchTarget } from './bench-target.ts';
import { percentile } from './percentile.ts';

const never = new AbortController().signal;
const PLAN = { concurrency: [1, 3], promptTokens: 5, tokens: 4, rounds: 2 };

interface Seen {
  readonly prompts: number[][];
  running: number;
  most: number;
}

/** A target that gives a token a turn, and counts what it is asked. */
const fakeTarget = (change: Partial<BenchTarget> = {}): BenchTarget & { readonly seen: Seen } => {
  const seen: Seen = { prompts: [], running: 0, most: 0 };
  return {
    seen,
    model: 'fake',
    where: 'nowhere',
    tokenize: () => Promise.resolve(Array.from({ length: 500 }, (_, i) => i + 10)),
    answer: async (prompt, tokens, onText, signal) => {
      seen.prompts.push(prompt);
      seen.most = Math.max(seen.most, ++seen.running);
      try {
        for (let i = 0; i < tokens; i++) {
          await sleep(1, undefined, { signal });
          onText();
        }
      } finally {
        seen.running--;
      }
      return { promptTokens: prompt.length, completionTokens: tokens };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
    ...change,
  };
};

describe('a measurement', () => {
  test('runs each number of requests at a time in rounds, after a first request that loads the model', async () => {
    const target = fakeTarget();
    const rounds: string[] = [];
    const result = await runBench(target, PLAN, (level, round) => rounds.push(`${level}/${round}`), never);
    expect(rounds).toEqual(['1/1', '1/2', '3/1', '3/2']);
    expect(target.seen).toMatchObject({ most: 3, running: 0 });
    expect(target.seen.prompts).toHaveLength(1 + 2 + 6);
    expect(new Set(target.seen.prompts.map((prompt) => prompt.slice(0, 2).join())).size).toBe(9);
    expect(result.partial).toBe(false);
    expect(result.levels.map(({ concurrency, rounds: done }) => [concurrency, done])).toEqual([
      [1, 2],
      [3, 2],
    ]);
    expect(result.levels[1]!.tokensPerSecond).toBeGreaterThan(result.levels[0]!.tokensPerSecond);
    expect(result.decodePerSecond).toBe(result.levels[0]!.decodePerSecond);
    expect(result.prefillPerSecond).toBeCloseTo((5 / result.levels[0]!.firstTokenP50) * 1000);
  });

  test('that is ended keeps the rounds that were done, and says so', async () => {
    const ends = new AbortController();
    const target = fakeTarget();
    const onRound = (level: number, round: number): void => {
      if (level === 3 && round === 2) setTimeout(() => ends.abort(new Error('enough')), 1);
    };
    const result = await runBench(target, PLAN, onRound, ends.signal);
    expect(result).toMatchObject({
      partial: true,
      levels: [
        { concurrency: 1, rounds: 2 },
        { concurrency: 3, rounds: 1 },
      ],
    });
    expect(target.seen.running).toBe(0);
    expect(benchReport(target, PLAN, result, 80)).toContain('partial: ended before all of 1, 3 were measured 2 times');
  });

  test('that is ended before anything was measured says that', async () => {
    const result = await runBench(fakeTarget(), PLAN, () => undefined, AbortSignal.abort(new Error('enough')));
    expect(result).toMatchObject({ levels: [], partial: true });
    expect(benchReport(fakeTarget(), PLAN, result, 80)).toContain('nothing was measured');
  });

  test('fails as its requests do, and leaves none running', async () => {
    const target = fakeTarget();
    const { answer } = target;
    let count = 0;
    const failing = {
      ...target,
      answer: (...given: Parameters<BenchTarget['answer']>) =>
        ++count === 5 ? Promise.reject(new Error('the engine is gone')) : answer(...given),
    };
    await expect(runBench(failing, PLAN, () => undefined, never)).rejects.toThrow('the engine is gone');
    expect(target.seen.running).toBe(0);
  });

  test('of answers with another number of tokens is refused', async () => {
    const target = fakeTarget({ answer: () => Promise.resolve({ promptTokens: 5, completionTokens: 2 }) });
    await expect(runBench(target, PLAN, () => undefined, never)).rejects.toThrow(
      'counted 5 + 2 tokens instead of 5 + 1',
    );
  });
});

test('prompts are the same in every run', () => {
  const [a, b] = [promptsFrom([1, 2, 3, 4], 6), promptsFrom([1, 2, 3, 4], 6)];
  expect([a(), a()]).toEqual([b(), b()]);
});

describe('a report', () => {
  const level = {
    concurrency: 8,
    rounds: 3,
    tokensPerSecond: 1234.5,
    decodePerSecond: NaN,
    firstTokenP50: 12.34,
    firstTokenP95: 20,
    betweenTokensP50: 3.21,
    betweenTokensP99: 9,
  };
  const result = { levels: [level], prefillPerSecond: 1500, decodePerSecond: 100.5, partial: false };
  test('has a table and a chart of the width', () => {
    const text = stripVTControlCharacters(benchReport(fakeTarget(), PLAN, result, 75));
    expect(text).toContain('fake nowhere: 5 prompt and 4 generated tokens, 2 rounds\n');
    expect(text).toContain('prefill  1,500 tokens/s, one request alone\n');
    expect(text).toMatch(/^8 +3 +1,235 +– +12\.3 +20 +3\.2 +9$/m);
    expect(text.split('\n').at(-2)).toBe(`8 ${'█'.repeat(67)} 1,235`);
    expect(text).not.toContain('partial');
  });
  test('has no line that a narrow terminal would wrap, and all that a wide one has', () => {
    const levels = [1, 2, 4, 8, 16, 1024].map((concurrency) => ({ ...level, concurrency }));
    const report = benchReport(fakeTarget(), PLAN, { ...result, levels, partial: true }, 40);
    const text = stripVTControlCharacters(report);
    expect(text.split('\n').filter(({ length }) => length > 40)).toEqual([]);
    expect(text).toContain('fake nowhere: 5 prompt and 4 generated\ntokens, 2 rounds\n');
    expect(text).toContain('prefill  1,500 tokens/s, one request\n         alone\n');
    expect(text).toContain('REQUESTS      1      2      4      8\n');
    expect(text).toContain('REQUESTS      16     1,024\n');
    expect(text.match(/^TTFT P95 MS .*$/gm)).toEqual([
      'TTFT P95 MS   20     20     20     20',
      'TTFT P95 MS   20     20',
    ]);
  });
  test('without a terminal is not fitted to one', () => {
    const lines = stripVTControlCharacters(benchReport(fakeTarget(), PLAN, result, undefined)).split('\n');
    expect(lines).toContain('REQUESTS  ROUNDS  TOKENS/S  EACH  TTFT P50 MS  P95  TOKEN P50 MS  P99');
    expect(lines.at(-2)).toHaveLength(80);
  });
  test('that fits nowhere has a table for each number of requests', () => {
    const levels = [level, { ...level, concurrency: 9 }];
    const text = stripVTControlCharacters(benchReport(fakeTarget(), PLAN, { ...result, levels }, 3));
    expect(text.match(/^REQUESTS .*$/gm)).toEqual(['REQUESTS      8', 'REQUESTS      9']);
  });
});

describe('arguments', () => {
  test('a list is sorted, without doubles, and has 1', () => {
    expect(concurrencyList('8,2,8')).toEqual([1, 2, 8]);
  });
  test.each(['', '1,', '0', '-1', '1.5', 'x', '1,2000'])('%j is no list', (text) => {
    expect(() => concurrencyList(text)).toThrow(InvalidArgumentError);
  });
  test('a number has bounds', () => {
    expect(wholeNumber(1, 10)('10')).toBe(10);
    expect(() => wholeNumber(1, 10)('11')).toThrow('from 1 to 10');
  });
});

test('percentiles are of the nearest rank', () => {
  expect(percentile([4, 1, 3, 2], 50)).toBe(2);
  expect(percentile([4, 1, 3, 2], 99)).toBe(4);
  expect(percentile([], 50)).toBeNaN();
});
