import { CallScanner, readCall } from './call-scanner.ts';
import { literal, searchStates, type GrammarRules } from './gbnf.ts';
import { PendingText } from './pending-text.ts';
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
  readonly #answer = new PendingText();
  #state: 'start' | 'text' | 'call' | 'tail' = 'start';
  #scanner: CallScanner;

  constructor(names: readonly string[]) {
    this.#names = new Set(names);
    this.#scanner = this.#newScanner();
  }

  push(text: string): AnswerPiece[] {
    return this.#answer.push(text, () => this.#advance());
  }

  end(): AnswerPiece[] {
    return this.#answer.end(this.#state === 'tail');
  }

  /** Goes on as far as one state reaches; false when more text is needed. */
  #advance(): boolean {
    switch (this.#state) {
      case 'start':
        return this.#atStart();
      case 'text':
        return this.#answer.textBefore(TAG) && this.#beginCall();
      case 'call':
        return this.#inCall();
      case 'tail':
        return this.#inTail();
    }
  }

  #newScanner(): CallScanner {
    return new CallScanner((name) => this.#names.has(name));
  }

  #beginCall(): true {
    this.#scanner = this.#newScanner();
    this.#state = 'call';
    return true;
  }

  #atStart(): boolean {
    const { rest } = this.#answer;
    if (rest.startsWith('{')) {
      this.#answer.doubt(this.#answer.takeRest(0));
      return this.#beginCall();
    }
    if (rest === '') return false;
    this.#state = 'text';
    return true;
  }

  #inCall(): boolean {
    const state = readCall(this.#answer, this.#scanner);
    if (state === 'open') return false;
    this.#state = state === 'done' ? 'tail' : 'text';
    return true;
  }

  /** Behind a call: a semicolon and another one, or text. */
  #inTail(): boolean {
    const { rest } = this.#answer;
    if (rest === '' || /^;\s*$/.test(rest)) return false;
    if (/^;\s*\{/.test(rest)) {
      this.#answer.takeRest(1);
      this.#state = 'start';
    } else this.#state = 'text';
    return true;
  }
}
