import { describe, expect, test } from 'vitest';
import { RecentPrompts } from './recent-prompts.ts';

const range = (from: number, length: number): number[] => Array.from({ length }, (_, i) => from + i);
const prompt = (...parts: number[][]): Uint32Array => Uint32Array.from(parts.flat());
const system = range(0, 200);
const limits = { prompts: 8, tokens: 10_000 };

const recent = (...prompts: Uint32Array[]): RecentPrompts => {
  const all = new RecentPrompts(limits);
  for (const each of prompts) all.add('a', each);
  return all;
};

describe('RecentPrompts', () => {
  test('two prompts branch where they go different ways', () => {
    const all = recent(prompt(system, range(1000, 50)));
    expect(all.branch('a', prompt(system, range(2000, 50)))).toBe(200);
    expect(all.branch('a', prompt(range(5000, 50)))).toBe(0);
  });

  test('the same prompt again is a beginning as a whole', () => {
    expect(recent(prompt(system)).branch('a', prompt(system))).toBe(200);
  });

  test('a conversation that goes on is no branch, the system prompt below it is', () => {
    const first = prompt(system, range(1000, 50));
    expect(recent(first).branch('a', prompt([...first], range(3000, 50)))).toBe(0);
    // A template may end a prompt with a few tokens that the next turn does not have.
    expect(recent(first).branch('a', prompt([...first.subarray(0, -5)], range(3000, 50)))).toBe(0);
    const other = prompt(system, range(7000, 80));
    expect(recent(first, other).branch('a', prompt([...first], range(3000, 50)))).toBe(200);
  });

  test('a prompt that goes on from an earlier one continues it', () => {
    const first = prompt(system, range(1000, 50));
    expect(recent(first).continued('a', prompt([...first.subarray(0, -5)], range(3000, 50)))).toBe(245);
    expect(recent(first).continued('a', first.slice())).toBe(0);
    expect(recent(first).continued('a', prompt(system, range(3000, 50)))).toBe(0);
    expect(recent(first).continued('b', prompt([...first], range(3000, 50)))).toBe(0);
  });

  test('the choices of one request are not several requests', () => {
    const all = prompt(system, range(1000, 50));
    expect(recent(all).branch('a', all)).toBe(0);
    expect(recent(all).branch('a', Uint32Array.from(all))).toBe(250);
  });

  test('a space does not see the prompts of another', () => {
    expect(recent(prompt(system, [1])).branch('b', prompt(system, [2]))).toBe(0);
  });

  test('forgets the oldest ones', () => {
    const byNumber = recent(prompt(system, range(1000, 50)));
    for (let i = 0; i < limits.prompts; i++) byNumber.add('b', prompt([i]));
    expect(byNumber.branch('a', prompt(system, range(2000, 50)))).toBe(0);
    const byTokens = recent(prompt(system, range(1000, 50)));
    byTokens.add('b', prompt(range(0, 9_900)));
    expect(byTokens.branch('a', prompt(system, range(2000, 50)))).toBe(0);
  });
});
