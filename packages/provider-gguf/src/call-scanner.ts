import type { PendingText } from './pending-text.ts';

/** What became known of a tool call with the text pushed last. */
export interface CallStep {
  readonly state: 'open' | 'done' | 'broken';
  /** Characters of the text that belong to the call. */
  readonly used: number;
  /** The name, once. */
  readonly name: string | undefined;
  /** More of the JSON text of the arguments; '' for none. */
  readonly arguments: string;
}

const BLANK = /\s/;

/**
 * Reads `{"name": …, "arguments": …}` character by character, so that the arguments can go out while the model writes them. Arguments
 * that come before the name wait for it; arguments written as a JSON string are given decoded, in one piece; other keys are skipped.
 */
export class CallScanner {
  readonly #isTool: (name: string) => boolean;
  #place: 'start' | 'key' | 'colon' | 'value' | 'comma' | 'done' | 'broken' = 'start';
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Raw text of the key or value in progress, when it has to be looked at whole. */
  #raw = '';
  #key = '';
  #name: string | undefined;
  #waiting = '';
  #hasArguments = false;

  /** `isTool`: what is called otherwise is no call but broken. */
  constructor(isTool: (name: string) => boolean = () => true) {
    this.#isTool = isTool;
  }

  /** True when a name was given out: there is no way back to text. */
  get started(): boolean {
    return this.#name !== undefined;
  }

  push(text: string): CallStep {
    const before = this.#name;
    let args = '';
    let used = 0;
    for (const character of text) {
      if (this.#place === 'done' || this.#place === 'broken') break;
      used += character.length;
      args += this.#next(character);
    }
    if (this.#place === 'done' && this.#name === undefined) this.#place = 'broken';
    if (this.#name !== undefined) {
      args = this.#waiting + args;
      this.#waiting = '';
      if (this.#place === 'done' && !this.#hasArguments) args += '{}';
    } else {
      this.#waiting += args;
      args = '';
    }
    const state = this.#place === 'done' || this.#place === 'broken' ? this.#place : 'open';
    return { state, used, name: before === undefined ? this.#name : undefined, arguments: args };
  }

  /** Takes one character; gives what it adds to the arguments. */
  #next(character: string): string {
    if (this.#place === 'value') return this.#inValue(character);
    if (this.#place === 'key' && this.#inString) {
      this.#inKey(character);
      return '';
    }
    if (BLANK.test(character)) return '';
    switch (`${this.#place} ${character}`) {
      case 'start {':
        this.#place = 'key';
        break;
      case 'key "':
        this.#inString = true;
        this.#raw = '"';
        break;
      case 'colon :':
        this.#place = 'value';
        this.#raw = '';
        break;
      case 'comma ,':
        this.#place = 'key';
        break;
      case 'key }':
      case 'comma }':
        this.#place = 'done';
        break;
      default:
        this.#place = 'broken';
    }
    return '';
  }

  #inKey(character: string): void {
    this.#raw += character;
    if (!this.#stringEnds(character)) return;
    this.#key = decoded(this.#raw) ?? '';
    this.#place = 'colon';
  }

  /** Follows the quotes and escapes of a string; true at its end. */
  #stringEnds(character: string): boolean {
    if (this.#escaped) this.#escaped = false;
    else if (character === '\\') this.#escaped = true;
    else if (character === '"') this.#inString = false;
    return !this.#inString;
  }

  #inValue(character: string): string {
    if (this.#raw === '' && BLANK.test(character)) return '';
    const first = this.#raw === '';
    if (this.#inString) {
      this.#keep(character, first);
      if (this.#stringEnds(character) && this.#depth === 0) return this.#endValue();
      return this.#streams ? character : '';
    }
    if (this.#depth === 0 && !first && (character === ',' || character === '}' || BLANK.test(character))) {
      // The end of a number, true, false or null is only seen behind it.
      const out = this.#endValue();
      return out + this.#next(character);
    }
    if (character === '"') this.#inString = true;
    else if (character === '{' || character === '[') this.#depth++;
    else if (character === '}' || character === ']') this.#depth--;
    if (this.#depth < 0) {
      this.#place = 'broken';
      return '';
    }
    this.#keep(character, first);
    const out = this.#streams ? character : '';
    if (this.#depth === 0 && (character === '}' || character === ']')) return out + this.#endValue();
    return out;
  }

  get #isArguments(): boolean {
    return this.#key === 'arguments' || this.#key === 'parameters';
  }

  /** Arguments go out as they come, but for a JSON string, which has to be decoded whole. */
  get #streams(): boolean {
    return this.#isArguments && !this.#raw.startsWith('"');
  }

  /** Of a value that goes out or is skipped, the first character is enough to know. */
  #keep(character: string, first: boolean): void {
    if (first || this.#key === 'name' || (this.#isArguments && !this.#streams)) this.#raw += character;
  }

  #endValue(): string {
    this.#place = 'comma';
    if (this.#key === 'name') {
      this.#name = decoded(this.#raw);
      if (this.#name === undefined || !this.#isTool(this.#name)) {
        this.#name = undefined;
        this.#place = 'broken';
      }
      return '';
    }
    if (!this.#isArguments) return '';
    this.#hasArguments = true;
    return this.#streams ? '' : (decoded(this.#raw) ?? '');
  }
}

/** Reads what is held of a call and gives out what is certain of it; what turns out to be none becomes text. */
export const readCall = (answer: PendingText, scanner: CallScanner): CallStep['state'] => {
  const { used, state, name, arguments: text } = scanner.push(answer.held);
  const taken = answer.take(used);
  if (name !== undefined) answer.call(name);
  else if (!scanner.started) answer.doubt(taken);
  answer.arguments(text);
  if (state !== 'open') answer.giveUp();
  return state;
};

const decoded = (raw: string): string | undefined => {
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
};
