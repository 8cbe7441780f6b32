import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RadixIndex } from './radix-index.ts';

/** The same by looking at every sequence. */
class NaiveIndex {
  readonly held = new Map<number, { space: string; tokens: number[] }>();

  matches(space: string, tokens: readonly number[]): { holder: number; shared: number; length: number }[] {
    return [...this.held]
      .filter(([, entry]) => entry.space === space)
      .map(([holder, { tokens: own }]) => {
        let shared = 0;
        while (shared < own.length && shared < tokens.length && own[shared] === tokens[shared]) shared++;
        return { holder, shared, length: own.length };
      });
  }
}

// Few tokens and few holders, so that beginnings are often common.
const tokens = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 12 });
const holder = fc.integer({ min: 0, max: 5 });
const space = fc.constantFrom('a', 'b');
const step = fc.oneof(
  fc.record({ kind: fc.constant('insert' as const), space, holder, tokens }),
  fc.record({ kind: fc.constant('extend' as const), holder, tokens }),
  fc.record({ kind: fc.constant('cut' as const), holder, length: fc.integer({ min: 0, max: 12 }) }),
  fc.record({ kind: fc.constant('remove' as const), holder }),
  fc.record({ kind: fc.constant('look' as const), space, tokens }),
);

const sorted = <T extends { holder: number }>(list: Iterable<T>): T[] => [...list].sort((a, b) => a.holder - b.holder);

describe('RadixIndex', () => {
  test('finds what looking at every sequence finds, the longest first', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const index = new RadixIndex<number>();
        const naive = new NaiveIndex();
        for (const action of steps) {
          if (action.kind === 'insert') {
            index.insert(action.space, action.holder, action.tokens);
            naive.held.set(action.holder, { space: action.space, tokens: [...action.tokens] });
          } else if (action.kind === 'remove') {
            index.remove(action.holder);
            naive.held.delete(action.holder);
          } else if (action.kind === 'look') {
            const found = [...index.matches(action.space, action.tokens)];
            const wanted = naive.matches(action.space, action.tokens);
            expect(sorted(found)).toEqual(sorted(wanted));
            expect(found.map(({ shared }) => shared)).toEqual(found.map(({ shared }) => shared).sort((a, b) => b - a));
            const longest = Math.max(0, ...wanted.map(({ shared }) => shared));
            expect(index.longest(action.space, action.tokens)).toBe(longest);
          } else {
            const entry = naive.held.get(action.holder);
            if (action.kind === 'cut') {
              index.cut(action.holder, action.length);
              if (entry) entry.tokens.length = Math.min(entry.tokens.length, action.length);
            } else if (entry) {
              index.extend(action.holder, action.tokens);
              entry.tokens.push(...action.tokens);
            }
          }
          expect(index.size).toBe(naive.held.size);
          for (const [key, entry] of naive.held) expect(index.length(key)).toBe(entry.tokens.length);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('keeps nothing of holders that are gone', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(holder, tokens), { maxLength: 20 }), (inserts) => {
        const index = new RadixIndex<number>();
        for (const [key, sequence] of inserts) index.insert('a', key, sequence);
        for (const [key] of inserts) index.remove(key);
        expect(index.size).toBe(0);
        expect(index.longest('a', [0, 1, 2, 0])).toBe(0);
        expect([...index.matches('a', [0])]).toEqual([]);
      }),
    );
  });

  test('spaces know nothing of each other', () => {
    const index = new RadixIndex<string>();
    index.insert('one', 'x', [1, 2, 3]);
    expect(index.longest('two', [1, 2, 3])).toBe(0);
    index.insert('two', 'x', [1, 2]);
    expect(index.longest('one', [1, 2, 3])).toBe(0);
    expect(index.longest('two', [1, 2, 3])).toBe(2);
  });

  test('a sequence that grows token by token stays one stretch', () => {
    const index = new RadixIndex<string>();
    index.insert('a', 'x', [0]);
    for (let token = 1; token < 10_000; token++) index.extend('x', [token]);
    expect(
      index.longest(
        'a',
        Array.from({ length: 10_001 }, (_, i) => i),
      ),
    ).toBe(10_000);
  });

  test('extending a holder that is not there is an error of the caller', () => {
    expect(() => new RadixIndex<string>().extend('x', [1])).toThrow(RangeError);
  });
});
