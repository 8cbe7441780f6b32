import { overlap } from '@golek/providers-spi/generation';
import { CallScanner } from './call-scanner.ts';
import { literal, textUntil, type GrammarRules } from './gbnf.ts';
import { mistralCallId } from './mistral-call-id.ts';
import type { AnswerPiece, CallableTool, ToolCallFormat, ToolCallParser } from './tool-calls.ts';

/** Calls as JSON objects `{"name": …, "arguments": …}` behind a tag. */
interface TaggedCalls extends Pick<ToolCallFormat, 'name' | 'matches' | 'templateCallId'> {
  readonly open: string;
  /** Absent: the JSON ends the call. */
  readonly close?: string;
  /** True: all calls stand in one JSON array behind one tag; false: each has a tag of its own. */
  readonly list: boolean;
}

const SPEAKS_ARGUMENTS = /\\?"arguments\\?"/;

const FAMILIES: readonly TaggedCalls[] = [
  {
    // Hermes, Qwen 2.5 and 3, Granite 4, golek-tiny. Templates that put XML (Qwen3-Coder) or keys and values (GLM) between the same tags
    // are other formats.
    name: 'hermes',
    open: '<tool_call>',
    close: '</tool_call>',
    list: false,
    matches: (template) =>
      template.includes('<tool_call>') &&
      SPEAKS_ARGUMENTS.test(template) &&
      !template.includes('<function=') &&
      !template.includes('<arg_key>'),
  },
  {
    // Mistral up to the tokenizer v7. From v11 on the same tag has another form behind it.
    name: 'mistral',
    open: '[TOOL_CALLS]',
    list: true,
    matches: (template) => template.includes('[TOOL_CALLS]') && !template.includes('[ARGS]'),
    templateCallId: mistralCallId,
  },
  {
    name: 'phi-4-mini',
    open: '<|tool_call|>',
    close: '<|/tool_call|>',
    list: true,
    matches: (template) => template.includes('<|tool_call|>') && template.includes('<|/tool_call|>'),
  },
  {
    name: 'granite-3',
    open: '<|tool_call|>',
    list: true,
    matches: (template) => template.includes('<|tool_call|>'),
  },
  {
    name: 'nemotron',
    open: '<TOOLCALL>',
    close: '</TOOLCALL>',
    list: true,
    matches: (template) => template.includes('<TOOLCALL>'),
  },
];

/** What follows the opening tag of the calls; between them a line break. */
const afterOpen = (
  { open, close, list }: TaggedCalls,
  rules: GrammarRules,
  tools: readonly CallableTool[],
  parallel: boolean,
): string => {
  const line = rules.named('call-line', () => '"\\n"?');
  const gap = rules.named('call-gap', () => '" "?');
  const bodies = tools.map(
    (tool) =>
      `"\\"name\\":" ${gap} ${literal(JSON.stringify(tool.name))} "," ${gap} "\\"arguments\\":" ${gap} ${tool.arguments}`,
  );
  const object = `"{" ${gap} (${bodies.join(' | ')}) ${gap} "}"`;
  if (list) {
    const item = rules.add(object);
    const items = parallel ? `${item} ("," ${gap} ${item})*` : item;
    return rules.add(`${gap} "[" ${items} "]"${close === undefined ? '' : ` ${literal(close)}`}`);
  }
  const end = close === undefined ? '' : ` ${line} ${literal(close)}`;
  const body = rules.add(`${line} ${object}${end}`);
  return rules.add(parallel ? `${body} (${line} ${literal(open)} ${body})*` : body);
};

const formatOf = (family: TaggedCalls): ToolCallFormat => ({
  name: family.name,
  markers: family.close === undefined ? [family.open] : [family.open, family.close],
  matches: (template) => family.matches(template),
  callRule: (rules, tools, parallel) => `${literal(family.open)} ${afterOpen(family, rules, tools, parallel)}`,
  textOrCalls: (rules, tools, parallel) => textUntil(rules, family.open, afterOpen(family, rules, tools, parallel)),
  parser: () => new TaggedParser(family),
  ...(family.templateCallId && { templateCallId: family.templateCallId }),
});

/** Families that put JSON behind a tag, in the order in which templates are asked. */
export const TAGGED_FORMATS: readonly ToolCallFormat[] = FAMILIES.map(formatOf);

class TaggedParser implements ToolCallParser {
  readonly #open: string;
  readonly #close: string | undefined;
  #state: 'text' | 'opened' | 'call' | 'between' | 'closing' = 'text';
  /** Raw text that no piece stands for yet. */
  #held = '';
  /** Place of the start of `#held` in the raw text. */
  #at = 0;
  #scanner = new CallScanner();
  #inList = false;
  /** Raw text of a call whose name is not known yet, for the case that it is none. */
  #doubtful = '';
  #calls = 0;

  constructor({ open, close }: TaggedCalls) {
    this.#open = open;
    this.#close = close;
  }

  push(text: string): AnswerPiece[] {
    this.#held += text;
    const pieces: AnswerPiece[] = [];
    while (this.#advance(pieces));
    return pieces;
  }

  end(): AnswerPiece[] {
    // White space behind the last call belongs to it.
    const held = this.#state === 'text' && this.#calls > 0 ? this.#held.trimEnd() : this.#held;
    const text = this.#state === 'closing' || this.#state === 'between' ? '' : this.#doubtful + held;
    return text === '' ? [] : [{ type: 'text', text, until: this.#at + this.#held.length }];
  }

  /** Goes on as far as one state reaches; false when more text is needed. */
  #advance(pieces: AnswerPiece[]): boolean {
    switch (this.#state) {
      case 'text':
        return this.#inText(pieces);
      case 'opened':
        return this.#opened();
      case 'call':
        return this.#inCall(pieces);
      case 'between':
        return this.#between();
      case 'closing':
        return this.#closing();
    }
  }

  #take(length: number): string {
    const taken = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    this.#at += length;
    return taken;
  }

  #inText(pieces: AnswerPiece[]): boolean {
    const open = this.#held.indexOf(this.#open);
    const certain = open >= 0 ? open : this.#held.length - overlap(this.#held, this.#open);
    // White space before a call belongs to it, so it waits until it is known what follows.
    const text = this.#take(this.#held.slice(0, certain).trimEnd().length);
    if (text !== '') pieces.push({ type: 'text', text, until: this.#at });
    if (open < 0) return false;
    this.#doubtful = this.#take(this.#held.indexOf(this.#open) + this.#open.length);
    this.#state = 'opened';
    return true;
  }

  /** Behind the tag: an array of calls, or one call. */
  #opened(): boolean {
    const rest = this.#held.trimStart();
    if (rest === '') return false;
    this.#inList = rest.startsWith('[');
    if (this.#inList) this.#doubtful += this.#take(this.#held.length - rest.length + 1);
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
    this.#state = state === 'broken' ? 'text' : this.#inList ? 'between' : 'closing';
    return true;
  }

  /** Takes what stands between the calls of an array, or its end. */
  #between(): boolean {
    const rest = this.#held.trimStart();
    if (rest === '') return false;
    this.#take(this.#held.length - rest.length);
    if (rest.startsWith(',')) {
      this.#doubtful = this.#take(1);
      this.#scanner = new CallScanner();
      this.#state = 'call';
    } else {
      if (rest.startsWith(']')) this.#take(1);
      this.#state = 'closing';
    }
    return true;
  }

  /** Takes the closing tag, which some models leave out. */
  #closing(): boolean {
    const close = this.#close;
    if (close !== undefined) {
      const rest = this.#held.trimStart();
      if (rest !== close && close.startsWith(rest)) return false;
      if (rest.startsWith(close)) this.#take(this.#held.length - rest.length + close.length);
    }
    this.#state = 'text';
    return true;
  }
}
