import { MAX_REPETITION, characterClass, literal, repeated, type CodeRange, type GrammarRules } from './gbnf.ts';
import { stringCharacter } from './json-grammar.ts';

/** A regular expression that has no GBNF form; the message says which part, to follow "the pattern …". */
export class PatternNotEnforceable extends Error {}

/**
 * The content of a JSON string whose value matches an ECMAScript pattern, without the quotes. As in JSON Schema a pattern without anchors
 * may match anywhere in the value. Throws PatternNotEnforceable for lookaround, references back and the like.
 */
export const patternContent = (rules: GrammarRules, pattern: string): string => {
  const anything = `${stringCharacter(rules)}*`;
  const alternatives = new PatternParser(rules, pattern).parse();
  return alternatives
    .map(({ body, anchoredStart, anchoredEnd }) =>
      [...(anchoredStart ? [] : [anything]), body, ...(anchoredEnd ? [] : [anything])].join(' '),
    )
    .join(' | ');
};

interface Alternative {
  readonly body: string;
  readonly anchoredStart: boolean;
  readonly anchoredEnd: boolean;
}

const MAX_CODE = 0x10ffff;
const DIGIT: readonly CodeRange[] = [[0x30, 0x39]];
const WORD: readonly CodeRange[] = [...DIGIT, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const SPACE: readonly CodeRange[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const LINE_ENDS: readonly CodeRange[] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
/** Raw characters that a JSON string must escape, and their short forms. */
const ESCAPED: ReadonlyMap<number, string> = new Map([
  [0x22, '\\"'],
  [0x5c, '\\\\'],
  [0x08, '\\b'],
  [0x09, '\\t'],
  [0x0a, '\\n'],
  [0x0c, '\\f'],
  [0x0d, '\\r'],
]);
const NOT_RAW: readonly CodeRange[] = [
  [0, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
  [0xd800, 0xdfff],
];
const CONTROL_ESCAPES: Readonly<Record<string, number>> = { t: 0x09, n: 0x0a, v: 0x0b, f: 0x0c, r: 0x0d, 0: 0 };
const MAX_DEPTH = 50;
/** llama.cpp writes bounded repetitions out, and follows each place in them that a text may have reached. */
const MAX_COPIES = 10_000;

/** A part of a pattern in GBNF. */
interface Part {
  readonly body: string;
  /** It matches the empty text. */
  readonly mayBeEmpty: boolean;
  /** One of its alternatives is nothing at all. */
  readonly isBlank: boolean;
  /** Copies that its repetitions make, those inside others multiplied. */
  readonly copies: number;
}

class PatternParser {
  readonly #rules: GrammarRules;
  readonly #source: string[];
  #at = 0;
  #depth = 0;

  constructor(rules: GrammarRules, pattern: string) {
    this.#rules = rules;
    this.#source = Array.from(pattern);
  }

  parse(): Alternative[] {
    const alternatives = [this.#topLevel()];
    while (this.#take('|')) alternatives.push(this.#topLevel());
    if (this.#at < this.#source.length) throw new PatternNotEnforceable(`has an unexpected '${this.#peek() ?? ''}'`);
    requireFewCopies(alternatives.reduce((sum, { copies }) => sum + copies, 0));
    return alternatives;
  }

  #topLevel(): Alternative & Pick<Part, 'copies'> {
    const anchoredStart = this.#take('^');
    const { body, copies } = this.#sequence();
    const anchoredEnd = this.#take('$');
    return { body, copies, anchoredStart, anchoredEnd };
  }

  #peek(ahead = 0): string | undefined {
    return this.#source[this.#at + ahead];
  }

  #take(text: string): boolean {
    if (this.#source.slice(this.#at, this.#at + text.length).join('') !== text) return false;
    this.#at += text.length;
    return true;
  }

  #next(): string {
    const character = this.#source[this.#at++];
    if (character === undefined) throw new PatternNotEnforceable('ends too early');
    return character;
  }

  #sequence(): Part {
    const parts: Part[] = [];
    for (let character = this.#peek(); character !== undefined && !'|)'.includes(character); character = this.#peek()) {
      if (character === '$' && (this.#peek(1) === undefined || (this.#peek(1) === '|' && this.#depth === 0))) break;
      parts.push(this.#quantified());
    }
    return {
      body: parts.length === 0 ? '""' : parts.map(({ body }) => body).join(' '),
      mayBeEmpty: parts.every(({ mayBeEmpty }) => mayBeEmpty),
      isBlank: parts.length === 0,
      copies: parts.reduce((sum, { copies }) => sum + copies, 0),
    };
  }

  #quantified(): Part {
    const atom = this.#atom();
    const count = this.#quantifier();
    if (!count) return atom;
    // Lazy or not, the language is the same.
    this.#take('?');
    return this.#repeat(atom, count);
  }

  #repeat(atom: Part, { min, max }: { min: number; max: number | undefined }): Part {
    if (min > MAX_REPETITION || (max ?? 0) > MAX_REPETITION)
      throw new PatternNotEnforceable(`repeats more than ${MAX_REPETITION} times`);
    if (max !== undefined && max < min) throw new PatternNotEnforceable(`has the quantifier {${min},${max}}`);
    const count = max ?? min;
    // Each of so many empty copies is another way to read the same text, and llama.cpp follows all of them at every token.
    if (atom.mayBeEmpty && (count > 1 || (atom.isBlank && max === undefined)))
      throw new PatternNotEnforceable('repeats a part that may be empty');
    const copies = Math.max(1, count) * Math.max(1, atom.copies);
    requireFewCopies(copies);
    return { body: repeated(atom.body, min, max), mayBeEmpty: min === 0 || atom.mayBeEmpty, isBlank: false, copies };
  }

  #quantifier(): { min: number; max: number | undefined } | undefined {
    if (this.#take('*')) return { min: 0, max: undefined };
    if (this.#take('+')) return { min: 1, max: undefined };
    if (this.#take('?')) return { min: 0, max: 1 };
    const match = /^\{(\d+)(,(\d*))?\}/.exec(this.#source.slice(this.#at, this.#at + 24).join(''));
    if (!match) return undefined;
    this.#at += match[0].length;
    const min = Number(match[1]);
    return { min, max: match[2] === undefined ? min : match[3] ? Number(match[3]) : undefined };
  }

  #atom(): Part {
    if (this.#take('(')) return this.#group();
    return { body: this.#character(), mayBeEmpty: false, isBlank: false, copies: 0 };
  }

  #character(): string {
    const character = this.#next();
    switch (character) {
      case '[':
        return this.#characters(this.#class());
      case '.':
        return this.#characters(complement(LINE_ENDS));
      case '\\':
        return this.#characters(this.#escape(false));
      case '^':
      case '$':
        throw new PatternNotEnforceable(`has an anchor '${character}' inside`);
      case '*':
      case '+':
      case '?':
        throw new PatternNotEnforceable(`has a '${character}' with nothing to repeat`);
      default:
        return this.#characters(single(character));
    }
  }

  #group(): Part {
    if (++this.#depth > MAX_DEPTH) throw new PatternNotEnforceable(`is nested more than ${MAX_DEPTH} deep`);
    if (this.#peek() === '?') {
      const named = /^\?<[A-Za-z_$][\w$]*>/.exec(this.#source.slice(this.#at, this.#at + 80).join(''));
      if (named) this.#at += named[0].length;
      else if (!this.#take('?:'))
        throw new PatternNotEnforceable(`has a group '(${this.#source.slice(this.#at, this.#at + 3).join('')}'`);
    }
    const alternatives = [this.#sequence()];
    while (this.#take('|')) alternatives.push(this.#sequence());
    if (!this.#take(')'))
      throw new PatternNotEnforceable(this.#peek() === '$' ? "has an anchor '$' inside" : "lacks a ')'");
    this.#depth--;
    return {
      body: this.#rules.add(alternatives.map(({ body }) => body).join(' | ')),
      mayBeEmpty: alternatives.some(({ mayBeEmpty }) => mayBeEmpty),
      isBlank: alternatives.some(({ isBlank }) => isBlank),
      copies: alternatives.reduce((sum, { copies }) => sum + copies, 0),
    };
  }

  #class(): readonly CodeRange[] {
    const negated = this.#take('^');
    const ranges: CodeRange[] = [];
    while (!this.#take(']')) {
      const low = this.#classMember();
      if (this.#peek() === '-' && this.#peek(1) !== ']' && isOne(low)) {
        this.#at++;
        const high = this.#classMember();
        if (!isOne(high) || high[0][0] < low[0][0]) throw new PatternNotEnforceable('has a range that is none');
        ranges.push([low[0][0], high[0][0]]);
      } else ranges.push(...low);
    }
    return negated ? complement(ranges) : ranges;
  }

  #classMember(): readonly CodeRange[] {
    const character = this.#next();
    return character === '\\' ? this.#escape(true) : single(character);
  }

  #escape(inClass: boolean): readonly CodeRange[] {
    const character = this.#next();
    switch (character) {
      case 'd':
        return DIGIT;
      case 'D':
        return complement(DIGIT);
      case 'w':
        return WORD;
      case 'W':
        return complement(WORD);
      case 's':
        return SPACE;
      case 'S':
        return complement(SPACE);
      case 'x':
        return this.#hex(2);
      case 'u':
        return this.#peek() === '{' ? this.#bracedHex() : this.#hex(4);
      case 'b':
        if (inClass) return [[0x08, 0x08]];
        throw new PatternNotEnforceable("has a word boundary '\\b'");
      default:
        if (character in CONTROL_ESCAPES && !/\d/.test(this.#peek() ?? ''))
          return single(String.fromCharCode(CONTROL_ESCAPES[character] ?? 0));
        if (/[A-Za-z0-9]/.test(character)) throw new PatternNotEnforceable(`has '\\${character}'`);
        return single(character);
    }
  }

  #hex(length: number): readonly CodeRange[] {
    const text = this.#source.slice(this.#at, this.#at + length).join('');
    if (!new RegExp(`^[0-9a-fA-F]{${length}}$`).test(text))
      throw new PatternNotEnforceable('has an escape without its hex digits');
    this.#at += length;
    return single(String.fromCodePoint(Number.parseInt(text, 16)));
  }

  #bracedHex(): readonly CodeRange[] {
    const match = /^\{([0-9a-fA-F]{1,6})\}/.exec(this.#source.slice(this.#at, this.#at + 8).join(''));
    const code = match ? Number.parseInt(match[1] ?? '', 16) : Number.NaN;
    if (!match || !(code <= MAX_CODE)) throw new PatternNotEnforceable('has an escape without its hex digits');
    this.#at += match[0].length;
    return single(String.fromCodePoint(code));
  }

  /** One character of the set, as a JSON string writes it. */
  #characters(set: readonly CodeRange[]): string {
    const raw = intersect(set, complement(NOT_RAW));
    const forms = raw.length > 0 ? [characterClass(raw)] : [];
    for (const [code, escaped] of ESCAPED)
      if (set.some(([low, high]) => low <= code && code <= high)) forms.push(literal(escaped));
    if (forms.length === 0) throw new PatternNotEnforceable('needs a character that no JSON string holds');
    return forms.length === 1 ? (forms[0] ?? '') : this.#rules.add(forms.join(' | '));
  }
}

const requireFewCopies = (copies: number): void => {
  if (copies > MAX_COPIES)
    throw new PatternNotEnforceable(`repeats its parts more than ${MAX_COPIES} times altogether`);
};

const single = (character: string): readonly [CodeRange] => {
  const code = character.codePointAt(0) ?? 0;
  return [[code, code]];
};

const isOne = (ranges: readonly CodeRange[]): ranges is readonly [CodeRange] =>
  ranges.length === 1 && ranges[0]?.[0] === ranges[0]?.[1];

/** Every code point outside the ranges. */
const complement = (ranges: readonly CodeRange[]): CodeRange[] => {
  const result: CodeRange[] = [];
  let next = 0;
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (low > next) result.push([next, low - 1]);
    next = Math.max(next, high + 1);
  }
  if (next <= MAX_CODE) result.push([next, MAX_CODE]);
  return result;
};

const intersect = (a: readonly CodeRange[], b: readonly CodeRange[]): CodeRange[] =>
  a
    .flatMap(([low, high]) => b.map(([from, to]): CodeRange => [Math.max(low, from), Math.min(high, to)]))
    .filter(([low, high]) => low <= high);
