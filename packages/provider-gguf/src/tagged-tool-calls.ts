import { CallScanner, readCall } from './call-scanner.ts';
import { literal, textUntil, type GrammarRules } from './gbnf.ts';
import { mistralCallId } from './mistral-call-id.ts';
import { PendingText } from './pending-text.ts';
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
  readonly #answer = new PendingText();
  #state: 'text' | 'opened' | 'call' | 'between' | 'closing' = 'text';
  #scanner = new CallScanner();
  #inList = false;

  constructor({ open, close }: TaggedCalls) {
    this.#open = open;
    this.#close = close;
  }

  push(text: string): AnswerPiece[] {
    return this.#answer.push(text, () => this.#advance());
  }

  end(cut = false): AnswerPiece[] {
    return this.#answer.end(this.#state === 'closing' || this.#state === 'between', cut);
  }

  /** Goes on as far as one state reaches; false when more text is needed. */
  #advance(): boolean {
    switch (this.#state) {
      case 'text':
        return this.#inText();
      case 'opened':
        return this.#opened();
      case 'call':
        return this.#inCall();
      case 'between':
        return this.#between();
      case 'closing':
        return this.#closing();
    }
  }

  #inText(): boolean {
    if (!this.#answer.textBefore(this.#open)) return false;
    this.#state = 'opened';
    return true;
  }

  /** Behind the tag: an array of calls, or one call. */
  #opened(): boolean {
    const { rest } = this.#answer;
    if (rest === '') return false;
    this.#inList = rest.startsWith('[');
    if (this.#inList) this.#answer.doubt(this.#answer.takeRest(1));
    return this.#beginCall();
  }

  #beginCall(): true {
    this.#scanner = new CallScanner();
    this.#state = 'call';
    return true;
  }

  #inCall(): boolean {
    const state = readCall(this.#answer, this.#scanner);
    if (state === 'open') return false;
    this.#state = state === 'broken' ? 'text' : this.#inList ? 'between' : 'closing';
    return true;
  }

  /** Takes what stands between the calls of an array, or its end. */
  #between(): boolean {
    const answer = this.#answer;
    const { rest } = answer;
    if (rest === '') return false;
    answer.takeRest(0);
    if (rest.startsWith(',')) {
      answer.doubt(answer.take(1));
      return this.#beginCall();
    }
    if (rest.startsWith(']')) answer.take(1);
    this.#state = 'closing';
    return true;
  }

  /** Takes the closing tag, which some models leave out. */
  #closing(): boolean {
    if (this.#close !== undefined && !this.#answer.takeOptional(this.#close)) return false;
    this.#state = 'text';
    return true;
  }
}
