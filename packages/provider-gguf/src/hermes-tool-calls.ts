import { literal, textUntil, type GrammarRules } from './gbnf.ts';
import { CallScanner } from './call-scanner.ts';
import { overlap } from './stop-strings.ts';
import type { AnswerPiece, CallableTool, ToolCallFormat, ToolCallParser } from './tool-calls.ts';

const OPEN = '<tool_call>';
const CLOSE = '</tool_call>';

/** What follows the opening tag of the calls; between them a line break. */
const afterOpen = (rules: GrammarRules, tools: readonly CallableTool[], parallel: boolean): string => {
  const line = rules.named('call-line', () => '"\\n"?');
  const gap = rules.named('call-gap', () => '" "?');
  const bodies = tools.map(
    (tool) =>
      `"\\"name\\":" ${gap} ${literal(JSON.stringify(tool.name))} "," ${gap} "\\"arguments\\":" ${gap} ${tool.arguments}`,
  );
  const body = rules.add(`${line} "{" ${gap} (${bodies.join(' | ')}) ${gap} "}" ${line} ${literal(CLOSE)}`);
  return rules.add(parallel ? `${body} (${line} ${literal(OPEN)} ${body})*` : body);
};

/**
 * `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, as Hermes, Qwen 2.5 and 3 and golek-tiny write it. Templates that put XML
 * (Qwen3-Coder) or keys and values (GLM) between the same tags are other formats.
 */
export const hermesFormat: ToolCallFormat = {
  name: 'hermes',
  matches: (template) =>
    template.includes(OPEN) &&
    /\\?"arguments\\?"/.test(template) &&
    !template.includes('<function=') &&
    !template.includes('<arg_key>'),
  callRule: (rules, tools, parallel) => `${literal(OPEN)} ${afterOpen(rules, tools, parallel)}`,
  textOrCalls: (rules, tools, parallel) => textUntil(rules, OPEN, afterOpen(rules, tools, parallel)),
  parser: () => new HermesParser(),
};

class HermesParser implements ToolCallParser {
  #state: 'text' | 'call' | 'closing' = 'text';
  /** Raw text that no piece stands for yet. */
  #held = '';
  /** Place of the start of `#held` in the raw text. */
  #at = 0;
  #scanner = new CallScanner();
  /** Raw text of a call whose name is not known yet, for the case that it is none. */
  #doubtful = '';
  #calls = 0;

  push(text: string): AnswerPiece[] {
    this.#held += text;
    const pieces: AnswerPiece[] = [];
    while (this.#advance(pieces));
    return pieces;
  }

  end(): AnswerPiece[] {
    // White space behind the last call belongs to it.
    const held = this.#state === 'text' && this.#calls > 0 ? this.#held.trimEnd() : this.#held;
    const text = this.#state === 'closing' ? '' : this.#doubtful + held;
    return text === '' ? [] : [{ type: 'text', text, until: this.#at + this.#held.length }];
  }

  /** Goes on as far as one state reaches; false when more text is needed. */
  #advance(pieces: AnswerPiece[]): boolean {
    switch (this.#state) {
      case 'text':
        return this.#inText(pieces);
      case 'call':
        return this.#inCall(pieces);
      case 'closing':
        return this.#close();
    }
  }

  #take(length: number): string {
    const taken = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    this.#at += length;
    return taken;
  }

  #inText(pieces: AnswerPiece[]): boolean {
    const open = this.#held.indexOf(OPEN);
    const certain = open >= 0 ? open : this.#held.length - overlap(this.#held, OPEN);
    // White space before a call belongs to it, so it waits until it is known what follows.
    const text = this.#take(this.#held.slice(0, certain).trimEnd().length);
    if (text !== '') pieces.push({ type: 'text', text, until: this.#at });
    if (open < 0) return false;
    this.#doubtful = this.#take(this.#held.indexOf(OPEN) + OPEN.length);
    this.#scanner = new CallScanner();
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
    this.#state = state === 'done' ? 'closing' : 'text';
    return true;
  }

  /** Takes the closing tag, which some models leave out. */
  #close(): boolean {
    const rest = this.#held.trimStart();
    if (rest !== CLOSE && CLOSE.startsWith(rest)) return false;
    if (rest.startsWith(CLOSE)) this.#take(this.#held.length - rest.length + CLOSE.length);
    this.#state = 'text';
    return true;
  }
}
