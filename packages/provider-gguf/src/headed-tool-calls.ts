import { overlap } from '@golek/providers-spi/generation';
import { literal, textUntil, type GrammarRules } from './gbnf.ts';
import { JsonObjectFollower } from './json-object-follower.ts';
import { mistralCallId } from './mistral-call-id.ts';
import type { AnswerPiece, CallableTool, ToolCallFormat, ToolCallParser } from './tool-calls.ts';

/** Calls as a name, a marker, and the arguments as a JSON object. */
interface HeadedCalls extends Pick<ToolCallFormat, 'name' | 'matches' | 'templateCallId'> {
  /** Around all calls of an answer, where they are marked together. */
  readonly section?: { readonly open: string; readonly close: string };
  /** Before the name. */
  readonly open: string;
  /** Behind the name, in models that write an id of nine characters there. */
  readonly id?: string;
  /** Before the arguments. */
  readonly separator: string;
  /** Behind the arguments. */
  readonly close: string;
  /** Those of the texts above that are tokens of their own. */
  readonly markers: readonly string[];
}

const DEEPSEEK_SECTION = { open: '<｜tool▁calls▁begin｜>', close: '<｜tool▁calls▁end｜>' };
const DEEPSEEK_MARKERS = [
  DEEPSEEK_SECTION.open,
  DEEPSEEK_SECTION.close,
  '<｜tool▁call▁begin｜>',
  '<｜tool▁sep｜>',
  '<｜tool▁call▁end｜>',
];

const FAMILIES: readonly HeadedCalls[] = [
  {
    // Mistral Small 3.1 and its contemporaries (tokenizer v11).
    name: 'mistral-with-ids',
    open: '[TOOL_CALLS]',
    id: '[CALL_ID]',
    separator: '[ARGS]',
    close: '',
    markers: ['[TOOL_CALLS]', '[CALL_ID]', '[ARGS]'],
    matches: (template) =>
      template.includes('[TOOL_CALLS]') && template.includes('[CALL_ID]') && template.includes('[ARGS]'),
    templateCallId: mistralCallId,
  },
  {
    // Mistral's later models (tokenizer v13).
    name: 'mistral-by-name',
    open: '[TOOL_CALLS]',
    separator: '[ARGS]',
    close: '',
    markers: ['[TOOL_CALLS]', '[ARGS]'],
    matches: (template) => template.includes('[TOOL_CALLS]') && template.includes('[ARGS]'),
    templateCallId: mistralCallId,
  },
  {
    // DeepSeek R1 and V3: the arguments stand in a code block.
    name: 'deepseek-r1',
    section: DEEPSEEK_SECTION,
    open: '<｜tool▁call▁begin｜>function<｜tool▁sep｜>',
    separator: '\n```json\n',
    close: '\n```<｜tool▁call▁end｜>',
    markers: DEEPSEEK_MARKERS,
    matches: (template) => template.includes('<｜tool▁sep｜>') && template.includes('```json'),
  },
  {
    name: 'deepseek-v3.1',
    section: DEEPSEEK_SECTION,
    open: '<｜tool▁call▁begin｜>',
    separator: '<｜tool▁sep｜>',
    close: '<｜tool▁call▁end｜>',
    markers: DEEPSEEK_MARKERS,
    matches: (template) => template.includes('<｜tool▁sep｜>'),
  },
];

/** Where the calls of an answer begin. */
const startOf = ({ section, open }: HeadedCalls): string => section?.open ?? open;

const afterStart = (
  { section, open, id, separator, close }: HeadedCalls,
  rules: GrammarRules,
  tools: readonly CallableTool[],
  parallel: boolean,
): string => {
  const between = id === undefined ? literal(separator) : `${literal(id)} [a-zA-Z0-9]{9} ${literal(separator)}`;
  const calls = tools.map((tool) => `${literal(tool.name)} ${between} ${tool.arguments}`);
  const end = close === '' ? '' : ` ${literal(close)}`;
  const call = rules.add(`(${calls.join(' | ')})${end}`);
  const further = parallel ? ` ("\\n"? ${literal(open)} ${call})*` : '';
  if (!section) return rules.add(call + further);
  return rules.add(`${literal(open)} ${call}${further} ${literal(section.close)}`);
};

const formatOf = (family: HeadedCalls): ToolCallFormat => ({
  name: family.name,
  markers: family.markers,
  matches: (template) => family.matches(template),
  callRule: (rules, tools, parallel) => `${literal(startOf(family))} ${afterStart(family, rules, tools, parallel)}`,
  textOrCalls: (rules, tools, parallel) =>
    textUntil(rules, startOf(family), afterStart(family, rules, tools, parallel)),
  parser: () => new HeadedParser(family),
  ...(family.templateCallId && { templateCallId: family.templateCallId }),
});

/** Families that write the name of the tool before its arguments, in the order in which templates are asked. */
export const HEADED_FORMATS: readonly ToolCallFormat[] = FAMILIES.map(formatOf);

/** A longer name is none: the marker behind it was left out. */
const MAX_NAME = 256;

class HeadedParser implements ToolCallParser {
  readonly #family: HeadedCalls;
  #state: 'text' | 'opening' | 'name' | 'arguments' | 'closing' = 'text';
  /** Raw text that no piece stands for yet. */
  #held = '';
  /** Place of the start of `#held` in the raw text. */
  #at = 0;
  #object = new JsonObjectFollower();
  /** Raw text of a call that has not been given out, for the case that it is none. */
  #doubtful = '';
  #calls = 0;

  constructor(family: HeadedCalls) {
    this.#family = family;
  }

  push(text: string): AnswerPiece[] {
    this.#held += text;
    const pieces: AnswerPiece[] = [];
    while (this.#advance(pieces));
    return pieces;
  }

  end(): AnswerPiece[] {
    // White space and marks behind the last call belong to it.
    const over = this.#state === 'closing' || (this.#state === 'opening' && this.#calls > 0);
    const held = this.#state === 'text' && this.#calls > 0 ? this.#held.trimEnd() : this.#held;
    const text = over ? '' : this.#doubtful + held;
    return text === '' ? [] : [{ type: 'text', text, until: this.#at + this.#held.length }];
  }

  /** Goes on as far as one state reaches; false when more text is needed. */
  #advance(pieces: AnswerPiece[]): boolean {
    switch (this.#state) {
      case 'text':
        return this.#inText(pieces);
      case 'opening':
        return this.#opening(pieces);
      case 'name':
        return this.#inName(pieces);
      case 'arguments':
        return this.#inArguments(pieces);
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
    const start = startOf(this.#family);
    const at = this.#held.indexOf(start);
    const certain = at >= 0 ? at : this.#held.length - overlap(this.#held, start);
    // White space before a call belongs to it, so it waits until it is known what follows.
    const text = this.#take(this.#held.slice(0, certain).trimEnd().length);
    if (text !== '') pieces.push({ type: 'text', text, until: this.#at });
    if (at < 0) return false;
    this.#doubtful = this.#take(this.#held.indexOf(start) + start.length);
    this.#state = this.#family.section ? 'opening' : 'name';
    return true;
  }

  /** In a section: the start of the next call, or the end of the section. */
  #opening(pieces: AnswerPiece[]): boolean {
    const { open, section } = this.#family;
    const rest = this.#held.trimStart();
    if (rest === '') return false;
    const blanks = this.#held.length - rest.length;
    if (rest.startsWith(open)) {
      this.#doubtful += this.#take(blanks + open.length);
      this.#state = 'name';
      return true;
    }
    if (section && rest.startsWith(section.close)) {
      this.#doubtful += this.#take(blanks + section.close.length);
      if (this.#calls === 0) pieces.push({ type: 'text', text: this.#doubtful, until: this.#at });
      this.#doubtful = '';
      this.#state = 'text';
      return true;
    }
    if (open.startsWith(rest) || section?.close.startsWith(rest)) return false;
    this.#giveUp(pieces);
    return true;
  }

  #inName(pieces: AnswerPiece[]): boolean {
    const { id, separator } = this.#family;
    const end = this.#held.indexOf(separator);
    if (end < 0) {
      if (this.#held.length <= MAX_NAME) return false;
      this.#giveUp(pieces);
      return true;
    }
    const head = this.#take(end + separator.length).slice(0, end);
    const name = (id === undefined ? head : (head.split(id)[0] ?? '')).trim();
    if (name === '') {
      this.#doubtful += head + separator;
      this.#giveUp(pieces);
      return true;
    }
    this.#doubtful = '';
    this.#calls++;
    pieces.push({ type: 'call', name, until: this.#at });
    this.#object = new JsonObjectFollower();
    this.#state = 'arguments';
    return true;
  }

  #inArguments(pieces: AnswerPiece[]): boolean {
    const { state, used, text } = this.#object.push(this.#held);
    this.#take(used);
    if (text !== '') pieces.push({ type: 'arguments', text, until: this.#at });
    if (state === 'open') return false;
    this.#state = state === 'done' ? 'closing' : 'text';
    return true;
  }

  /** Takes what stands behind the arguments, which some models leave out. */
  #closing(): boolean {
    const { close, section } = this.#family;
    if (close !== '') {
      const wanted = close.trimStart();
      const rest = this.#held.trimStart();
      if (rest !== wanted && wanted.startsWith(rest)) return false;
      if (rest.startsWith(wanted)) this.#take(this.#held.length - rest.length + wanted.length);
    }
    this.#state = section ? 'opening' : 'text';
    return true;
  }

  /** What looked like a call is text. */
  #giveUp(pieces: AnswerPiece[]): void {
    if (this.#doubtful !== '') pieces.push({ type: 'text', text: this.#doubtful, until: this.#at });
    this.#doubtful = '';
    this.#state = 'text';
  }
}
