import { overlap } from '@golek/providers-spi/generation';
import { CallScanner } from './call-scanner.ts';
import { literal, searchStates, type GrammarRules } from './gbnf.ts';
import type { AnswerPiece, CallableTool, ToolCallFormat, ToolCallParser } from './tool-calls.ts';

/** Llama 3.1 writes it before calls of its built-in tools, and sometimes before others. */
const TAG = '<|python_tag|>';

const oneCall = (rules: GrammarRules, tools: readonly CallableTool[]): string => {
  const gap = rules.named('call-gap', () => '" "?');
  const bodies = tools.map(
    (tool) =>
      `"\\"name\\":" ${gap} ${literal(JSON.stringify(tool.name))} "," ${gap} "\\"parameters\\":" ${gap} ${tool.arguments}`,
  );
  return rules.add(`"{" ${gap} (${bodies.join(' | ')}) ${gap} "}"`);
};

/**
 * Llama 3: an answer that begins with `{"name": …, "parameters": {…}}` is a call, and so is what follows `<|python_tag|>`. Its
 * templates take one call in an answer, so the grammar allows one; several with `;` between them are read all the same.
 */
export const llamaFormat: ToolCallFormat = {
  name: 'llama-3',
  markers: [TAG],
  matches: (template) =>
    /\\?"parameters\\?": /.test(template) && (template.includes(TAG) || template.includes('ipython')),
  callRule: (rules, tools) => `${literal(TAG)}? ${oneCall(rules, tools)}`,
  textOrCalls: (rules, tools) => {
    const call = oneCall(rules, tools);
    const [outside = '', begun = ''] = searchStates(rules, TAG, call, true);
    // As the rule `outside`, but that a brace here begins a call.
    const start = rules.reserve();
    const first = TAG[0] ?? '';
    return rules.define(
      start,
      `${call} | ${literal(first)} ${begun} | [ \\t\\r\\n] ${start} | [^${first}{ \\t\\r\\n] ${outside} | ""`,
    );
  },
  parser: (tools) => new LlamaParser(tools.map(({ name }) => name)),
};

class LlamaParser implements ToolCallParser {
  readonly #names: ReadonlySet<string>;
  #state: 'start' | 'text' | 'call' | 'tail' = 'start';
  /** Raw text that no piece stands for yet. */
  #held = '';
  /** Place of the start of `#held` in the raw text. */
  #at = 0;
  #scanner: CallScanner;
  /** Raw text of a call whose name is not known yet, for the case that it is none. */
  #doubtful = '';
  #calls = 0;

  constructor(names: readonly string[]) {
    this.#names = new Set(names);
    this.#scanner = this.#newScanner();
  }

  push(text: string): AnswerPiece[] {
    this.#held += text;
    const pieces: AnswerPiece[] = [];
    while (this.#advance(pieces));
    return pieces;
  }

  end(): AnswerPiece[] {
    const held = this.#calls > 0 ? this.#held.trimEnd() : this.#held;
    const text = this.#state === 'tail' ? '' : this.#doubtful + held;
    return text === '' ? [] : [{ type: 'text', text, until: this.#at + this.#held.length }];
  }

  /** Goes on as far as one state reaches; false when more text is needed. */
  #advance(pieces: AnswerPiece[]): boolean {
    switch (this.#state) {
      case 'start':
        return this.#atStart();
      case 'text':
        return this.#inText(pieces);
      case 'call':
        return this.#inCall(pieces);
      case 'tail':
        return this.#inTail();
    }
  }

  #newScanner(): CallScanner {
    return new CallScanner((name) => this.#names.has(name));
  }

  #take(length: number): string {
    const taken = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    this.#at += length;
    return taken;
  }

  #atStart(): boolean {
    const rest = this.#held.trimStart();
    if (rest.startsWith('{')) {
      this.#doubtful = this.#take(this.#held.length - rest.length);
      this.#scanner = this.#newScanner();
      this.#state = 'call';
      return true;
    }
    if (rest === '') return false;
    this.#state = 'text';
    return true;
  }

  #inText(pieces: AnswerPiece[]): boolean {
    const tag = this.#held.indexOf(TAG);
    const certain = tag >= 0 ? tag : this.#held.length - overlap(this.#held, TAG);
    // White space before a call belongs to it, so it waits until it is known what follows.
    const text = this.#take(this.#held.slice(0, certain).trimEnd().length);
    if (text !== '') pieces.push({ type: 'text', text, until: this.#at });
    if (tag < 0) return false;
    this.#doubtful = this.#take(this.#held.indexOf(TAG) + TAG.length);
    this.#scanner = this.#newScanner();
    this.#state = 'call';
    return true;
  }

  #inCall(pieces: AnswerPiece[]): boolean {
    const { used, state, name, arguments: text } = this.#scanner.push(this.#held);
    this.#doubtful += this.#take(used);
    if (this.#scanner.started) this.#doubtful = '';
    if (name !== undefined) {
      this.#calls++;
      pieces.push({ type: 'call', name, until: this.#at });
    }
    if (text !== '') pieces.push({ type: 'arguments', text, until: this.#at });
    if (state === 'open') return false;
    if (this.#doubtful !== '') pieces.push({ type: 'text', text: this.#doubtful, until: this.#at });
    this.#doubtful = '';
    this.#state = state === 'done' ? 'tail' : 'text';
    return true;
  }

  /** Behind a call: a semicolon and another one, or text. */
  #inTail(): boolean {
    const rest = this.#held.trimStart();
    if (rest === '' || rest === ';') return false;
    if (/^;\s*\{/.test(rest)) {
      this.#take(this.#held.length - rest.length + 1);
      this.#state = 'start';
    } else if (/^;\s*$/.test(rest)) return false;
    else this.#state = 'text';
    return true;
  }
}
