import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { alternate } from './alternate.ts';
import { processCpu, processTree, residentBytes } from './process-cpu.ts';
import { median, percentile } from './statistics.ts';
import { isQuiet, quietest, takeTurns } from './take-turns.ts';

describe('median', () => {
  it.each([
    [[3, 1, 2], 2],
    [[4, 1, 2, 3], 2.5],
    [[7], 7],
  ])('of %j is %d', (values, expected) => expect(median(values)).toBe(expected));
  it('of nothing is not a number', () => expect(median([])).toBeNaN());
});

describe('percentile', () => {
  const values = [5, 1, 4, 2, 3];
  it.each([
    [50, 3],
    [95, 5],
    [99, 5],
    [20, 1],
    [21, 2],
    [0, 1],
  ])('p%d', (percent, expected) => expect(percentile(values, percent)).toBe(expected));
  it('of nothing is not a number', () => expect(percentile([], 50)).toBeNaN());
});

describe('quietest', () => {
  const sample = (foreign: number) => ({ result: 0, wallNs: 1, cpuNs: 1, foreign });
  it('keeps what was not disturbed', () => {
    expect(quietest([sample(0.1), sample(0.2)])).toEqual([sample(0.1)]);
    expect(isQuiet(sample(0.15))).toBe(true);
  });
  it('keeps all where everything was disturbed', () => {
    expect(quietest([sample(0.3), sample(0.2)])).toHaveLength(2);
  });
});

describe.runIf(process.platform === 'linux')('measuring', () => {
  it('finds what a process has started', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
    await once(child, 'spawn');
    expect(processTree(process.pid)).toContain(child.pid);
    expect(processTree(child.pid as number)).toEqual([child.pid]);
    expect(residentBytes(process.pid)).toBeGreaterThan(10e6);
    child.kill();
    await once(child, 'exit');
    expect(residentBytes(child.pid as number)).toBe(0);
  });

  it('takes more rounds where some were disturbed, but not without end', async () => {
    let count = 0;
    const turns = [{ name: 'a', pids: () => [process.pid], work: () => Promise.resolve(++count) }];
    // Nothing counts as our own, so that this process is the one that disturbs.
    const busy = {
      ...turns[0]!,
      work: () => {
        for (const until = performance.now() + 60; performance.now() < until;);
        return Promise.resolve(0);
      },
    };
    const [samples] = await takeTurns([busy], { rounds: 2, maxRounds: 4, own: () => [] });
    expect(samples).toHaveLength(4);
    const [after] = await takeTurns(turns, { rounds: 2, warmup: 3, own: () => [process.pid] });
    expect(after?.map(({ result }) => result)).toEqual([count - 1, count]);
    await expect(
      takeTurns(turns, { rounds: 1, own: () => [], signal: AbortSignal.abort(new Error('enough')) }),
    ).rejects.toThrow('enough');
  });

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
