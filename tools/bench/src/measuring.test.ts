import { describe, expect, it } from 'vitest';
import { alternate } from './alternate.ts';
import { processCpu } from './process-cpu.ts';
import { median } from './statistics.ts';

describe('median', () => {
  it.each([
    [[3, 1, 2], 2],
    [[4, 1, 2, 3], 2.5],
    [[7], 7],
  ])('of %j is %d', (values, expected) => expect(median(values)).toBe(expected));
  it('of nothing is not a number', () => expect(median([])).toBeNaN());
});

describe.runIf(process.platform === 'linux')('measuring', () => {
  it('counts the CPU of a process', () => {
    const before = processCpu(process.pid);
    for (const until = performance.now() + 30; performance.now() < until;);
    const used = Number(processCpu(process.pid) - before);
    expect(used).toBeGreaterThan(0);
  });

  it('runs the sides in turn, one warm-up each, and reports units by name', async () => {
    const turns: string[] = [];
    const side = (name: string, units: number) => ({
      name,
      pid: process.pid,
      work: async () => {
        turns.push(name);
        await new Promise((resolve) => setTimeout(resolve, 5));
        return units;
      },
    });
    const results = await alternate([side('a', 1000), side('b', 10)], 2, [process.pid]);
    expect(turns).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
    expect(results.map(({ name, taken }) => [name, taken])).toEqual([
      ['a', 2],
      ['b', 2],
    ]);
    expect(results[0]!.perSecond).toBeGreaterThan(results[1]!.perSecond * 10);
  });
});
