import { GolekError } from '@golek/providers-spi';
import { MAX_REPETITION } from './gbnf.ts';
import { countBeginnings } from './grammar-beginnings.ts';

const MAX_LENGTH = 64 * 1024;
const MAX_DEPTH = 64;
const MAX_COPIES = 50_000;
/** llama.cpp compares each with all, twice, in the thread that all requests wait for: 5,000 take 70 ms, 32,768 take 6 s (measured). */
const MAX_BEGINNINGS = 5_000;

/**
 * Checks a grammar from a request for what llama.cpp's parser takes without a bound: its length, the depth of its brackets, which it
 * follows by recursion, and repetitions, which it writes out, those within others many times, and the ways in which it may begin. Throws `invalid_request`. Whether it is a grammar at all is llama.cpp's to say.
 */
export const checkGrammar = (grammar: string): void => {
  if (grammar.length > MAX_LENGTH) throw refused(`has ${grammar.length} characters; at most ${MAX_LENGTH} are read`);
  if (grammar.includes('\0')) throw refused('has a NUL character');
  // Copies that are made within each bracket that is open, the whole grammar's first.
  const copies = [0];
  const add = (made: number): void => {
    const sum = (copies.pop() ?? 0) + made;
    if (sum > MAX_COPIES) throw refused('repeats too much: lower the bounds of its repetitions');
    copies.push(sum);
  };
  let lastItem = 1;
  // A comment, a string or a character class is one item, whatever is in it.
  for (const [item, count] of grammar.matchAll(
    /#[^\r\n]*|"(?:\\[^]|[^"\\])*"|\[(?:\\[^]|[^\]\\])*\]|\{([^}]*)\}|[^]/g,
  )) {
    if (item === '(') copies.push(0);
    if (copies.length > MAX_DEPTH) throw refused(`is nested more than ${MAX_DEPTH} deep`);
    if (item === ')' && copies.length > 1) {
      const inside = copies.pop() ?? 0;
      add(inside);
      lastItem = Math.max(1, inside);
      continue;
    }
    if (count === undefined) {
      if (/\S/.test(item)) lastItem = item.startsWith('"') ? item.length : 1;
      continue;
    }
    const match = /^\s*(\d+)\s*(?:(,)\s*(\d*)\s*)?$/.exec(count);
    if (!match) throw refused(`has the repetition {${count}}; write {3}, {3,} or {3,5}`);
    const min = Number(match[1]);
    const max = match[3] ? Number(match[3]) : min;
    if (max < min) throw refused(`has the repetition {${count}}, which ends before it begins`);
    if (max > MAX_REPETITION) throw refused(`has the repetition {${count}}; ${MAX_REPETITION} is the most`);
    add(max * lastItem);
  }
  const beginnings = countBeginnings(grammar) ?? 0;
  if (beginnings > MAX_BEGINNINGS)
    throw refused(
      `may begin in ${beginnings} ways; ${MAX_BEGINNINGS} are the most: make its first alternatives exclude each other`,
    );
};

const refused = (why: string): GolekError =>
  new GolekError('invalid_request', `the grammar ${why}`, { details: { option: 'output.grammar' } });
