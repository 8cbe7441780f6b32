/** llama.cpp replaces a greater upper bound of a repetition by "no bound" without a word. */
export const MAX_REPETITION = 2000;

/** Rules of one grammar in GBNF, llama.cpp's notation. Each rule is written once, whoever asks for it. */
export class GrammarRules {
  readonly #bodies = new Map<string, string>();
  readonly #nameOf = new Map<string, string>();
  readonly #prefix: string;
  #names = 0;

  /** `prefix`: of every name, where the rules go beside others. */
  constructor(prefix = '') {
    this.#prefix = prefix;
  }

  /** Defines a rule by name, unless it is there already; `body` may refer to the rule itself. Returns the name. */
  named(own: string, body: () => string): string {
    const name = this.#prefix + own;
    if (!this.#bodies.has(name)) {
      this.#bodies.set(name, '');
      this.#bodies.set(name, body());
    }
    return name;
  }

  /** Defines a rule without a name of its own; equal bodies share one. */
  add(body: string): string {
    let name = this.#nameOf.get(body);
    if (name === undefined) {
      name = this.define(this.reserve(), body);
      this.#nameOf.set(body, name);
    }
    return name;
  }

  /** A name for a rule that is defined later. */
  reserve(): string {
    return `${this.#prefix}r${++this.#names}`;
  }

  define(name: string, body: string): string {
    this.#bodies.set(name, body);
    return name;
  }

  get size(): number {
    return this.#bodies.size;
  }

  /** The whole grammar with `root` as its start. */
  text(root: string): string {
    return [`root ::= ${root}`, ...Array.from(this.#bodies, ([name, body]) => `${name} ::= ${body}`), ''].join('\n');
  }
}

const escapeCharacter = (character: string): string => {
  switch (character) {
    case '\n':
      return '\\n';
    case '\r':
      return '\\r';
    case '\t':
      return '\\t';
    default: {
      const code = character.codePointAt(0) ?? 0;
      return code < 0x20 || code === 0x7f ? `\\x${code.toString(16).padStart(2, '0')}` : character;
    }
  }
};

/** The text itself, as a GBNF string. */
export const literal = (text: string): string =>
  `"${Array.from(text, (c) => (c === '"' || c === '\\' ? `\\${c}` : escapeCharacter(c))).join('')}"`;

/** A range of code points, both ends included. */
export type CodeRange = readonly [low: number, high: number];

/** One character of any of the ranges, which must be at least one. */
export const characterClass = (ranges: readonly CodeRange[]): string =>
  `[${ranges.map(([low, high]) => (low === high ? classCode(low) : `${classCode(low)}-${classCode(high)}`)).join('')}]`;

/** A code point as it stands in a character class. */
export const classCode = (code: number): string => {
  const character = String.fromCodePoint(code);
  if (/^[A-Za-z0-9 ]$/.test(character)) return character;
  return code <= 0xff ? `\\x${hex(code, 2)}` : code <= 0xffff ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
};

const hex = (code: number, digits: number): string => code.toString(16).toUpperCase().padStart(digits, '0');

/** Repetition of a rule or class; no upper bound when `max` is absent. */
export const repeated = (item: string, min: number, max?: number): string => {
  if (max === undefined) return min === 0 ? `${item}*` : min === 1 ? `${item}+` : `${item}{${min},}`;
  if (max === 0) return '""';
  return min === max ? `${item}{${min}}` : `${item}{${min},${max}}`;
};

/** Any text; where `tag` appears in it, `then` follows and ends it. */
export const textUntil = (rules: GrammarRules, tag: string, then: string): string =>
  searchStates(rules, tag, then, true)[0] ?? then;

/** Text that ends with the first `tag` in it, with `then` behind. */
export const textThrough = (rules: GrammarRules, tag: string, then: string): string =>
  searchStates(rules, tag, then, false)[0] ?? then;

/**
 * Rules of the Knuth-Morris-Pratt search for `tag`, one for each number of its characters that were just read, so that the text before it
 * never holds it. Behind the tag comes `then`; `mayEnd`: the text may also end without the tag.
 */
export const searchStates = (rules: GrammarRules, tag: string, then: string, mayEnd: boolean): readonly string[] => {
  const states = Array.from(tag, () => rules.reserve());
  const characters = Array.from(tag);
  for (const [matched, state] of states.entries()) {
    const wanted = characters[matched] ?? '';
    // Where each other character of the tag leads from here; any character outside the tag leads to the start.
    const others = [...new Set(characters)].filter((character) => character !== wanted);
    const next = (length: number): string => (length === characters.length ? then : (states[length] ?? ''));
    const read = characters.slice(0, matched);
    const back = others.map((character) => ({ character, to: matchedAfter(characters, [...read, character]) }));
    const elsewhere = `[^${[wanted, ...others].map((c) => classCode(c.codePointAt(0) ?? 0)).join('')}] ${states[0] ?? ''}`;
    rules.define(
      state,
      [
        `${literal(wanted)} ${next(matched + 1)}`,
        ...back.map(({ character, to }) => `${literal(character)} ${next(to)}`),
        elsewhere,
        ...(mayEnd ? ['""'] : []),
      ].join(' | '),
    );
  }
  return states;
};

/** Number of characters of `tag` at its beginning that `text` ends with. */
const matchedAfter = (tag: readonly string[], text: readonly string[]): number => {
  for (let length = Math.min(tag.length, text.length); length > 0; length--) {
    if (tag.slice(0, length).every((character, i) => character === text[text.length - length + i])) return length;
  }
  return 0;
};
