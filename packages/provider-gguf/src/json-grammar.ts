import { MAX_REPETITION, literal, repeated, type GrammarRules } from './gbnf.ts';

// Rules for JSON without a schema. White space is bounded: without a bound a model can fill its context with it.

/** At most a space, or a new line with its indent. */
export const space = (rules: GrammarRules): string => rules.named('ws', () => '| " " | "\\n" [ \\t]{0,20}');

const hexDigit = '[0-9a-fA-F]';

/** One character of a JSON string, escaped where it must be. Surrogates are left out: alone they are no character. */
export const stringCharacter = (rules: GrammarRules): string =>
  rules.named(
    'char',
    () =>
      `[^"\\\\\\x00-\\x1F\\x7F] | "\\\\" (["\\\\/bfnrt] | "u" ([0-9a-cA-CefEF] ${hexDigit} | [dD] [0-7]) ${hexDigit} ${hexDigit})`,
  );

export const anyString = (rules: GrammarRules): string =>
  rules.named('string', () => `"\\"" ${stringCharacter(rules)}* "\\""`);

export const stringOfLength = (rules: GrammarRules, min: number, max: number | undefined): string =>
  `"\\"" ${repeated(stringCharacter(rules), min, max)} "\\""`;

/** Up to 15 digits, so that every value is exact in a double. */
export const digits = '("0" | [1-9] [0-9]{0,14})';

export const anyInteger = (rules: GrammarRules): string => rules.named('integer', () => `"-"? ${digits}`);

export const anyNumber = (rules: GrammarRules): string =>
  rules.named('number', () => `"-"? ${digits} ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,2})?`);

export const anyBoolean = (rules: GrammarRules): string => rules.named('boolean', () => '"true" | "false"');

export const anyNull = (): string => '"null"';

export const anyObject = (rules: GrammarRules): string =>
  rules.named('object', () => objectOf(rules, `${anyString(rules)} ":" ${space(rules)} ${anyValue(rules)}`));

/** An object of any number of members. */
export const objectOf = (rules: GrammarRules, member: string): string => {
  const ws = space(rules);
  const pair = rules.add(member);
  return `"{" ${ws} (${pair} ("," ${ws} ${pair})* ${ws})? "}"`;
};

export const anyArray = (rules: GrammarRules): string =>
  rules.named('array', () => arrayOf(rules, anyValue(rules), 0, undefined));

/** An array of `min` to `max` items. */
export const arrayOf = (rules: GrammarRules, item: string, min: number, max: number | undefined): string => {
  const ws = space(rules);
  if (max === 0) return `"[" ${ws} "]"`;
  const next = rules.add(`"," ${ws} ${item}`);
  const items = `${item} ${repeated(next, Math.max(0, min - 1), max === undefined ? undefined : max - 1)} ${ws}`;
  return min === 0 ? `"[" ${ws} (${items})? "]"` : `"[" ${ws} ${items} "]"`;
};

export const anyValue = (rules: GrammarRules): string =>
  rules.named('value', () =>
    [anyObject(rules), anyArray(rules), anyString(rules), anyNumber(rules), anyBoolean(rules), anyNull()].join(' | '),
  );

/** A value as it is, written without white space. */
export const exactValue = (value: unknown): string => literal(JSON.stringify(value));

/** True for a count that llama.cpp can enforce. */
export const isEnforceableCount = (count: number): boolean =>
  Number.isInteger(count) && count >= 0 && count <= MAX_REPETITION;
