import { classCode, literal, type GrammarRules } from './gbnf.ts';
import { exactValue, space, stringCharacter } from './json-grammar.ts';

export interface Member {
  readonly name: string;
  /** Rule of the value. */
  readonly value: string;
  readonly optional: boolean;
}

/**
 * An object with members in their order, optional ones written or not, then any number of others whose value is `others`.
 *
 * Two chains of rules, one for "nothing written yet" and one for "a comma comes first", keep the grammar linear in the number of members.
 */
export const objectWith = (rules: GrammarRules, members: readonly Member[], others: string | undefined): string => {
  const ws = space(rules);
  let first = '""';
  let later = ws;
  if (others !== undefined) {
    const other = rules.add(
      `${otherKey(
        rules,
        members.map(({ name }) => name),
      )} ":" ${ws} ${others}`,
    );
    first = rules.add(`(${other} ("," ${ws} ${other})* ${ws})?`);
    later = rules.add(`("," ${ws} ${other})* ${ws}`);
  }
  for (const { name, value, optional } of members.toReversed()) {
    const member = rules.add(`${exactValue(name)} ":" ${ws} ${value}`);
    const [nextFirst, nextLater] = [first, later];
    first = rules.add(`${member} ${nextLater}${optional ? ` | ${nextFirst}` : ''}`);
    later = rules.add(`"," ${ws} ${member} ${nextLater}${optional ? ` | ${nextLater}` : ''}`);
  }
  return `"{" ${ws} ${first} "}"`;
};

/** A JSON string, not empty, that is none of the names: along their common beginnings, and off where a character differs. */
const otherKey = (rules: GrammarRules, names: readonly string[]): string => {
  const character = stringCharacter(rules);
  /** What may follow a beginning of so many characters, which all of `going` share. */
  const after = (length: number, going: readonly (readonly string[])[]): string => {
    const byNext = Map.groupBy(going, (name) => name[length]);
    const isName = byNext.delete(undefined);
    // A character that JSON escapes is not in the class below, so a name that goes on with one is not met.
    const nexts = [...byNext].flatMap(([next, rest]) =>
      next === undefined || mustBeEscaped(next) ? [] : [{ next, rest }],
    );
    const off = `[^"\\\\\\x00-\\x1F\\x7F${nexts.map(({ next }) => classCode(next.codePointAt(0) ?? 0)).join('')}] ${character}*`;
    const along = nexts.map(({ next, rest }) => `${literal(next)} ${rules.add(after(length + 1, rest))}`);
    return [...along, off, ...(isName || length === 0 ? [] : ['""'])].join(' | ');
  };
  const spelled = names.map((name) => Array.from(name));
  return `"\\"" (${after(0, spelled)}) "\\""`;
};

const mustBeEscaped = (character: string): boolean => {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x20 || code === 0x7f || character === '"' || character === '\\';
};
