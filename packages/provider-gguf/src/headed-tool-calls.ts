import { literal, textUntil, type GrammarRules } from './gbnf.ts';
import { JsonObjectFollower } from './json-object-follower.ts';
import { mistralCallId } from './mistral-call-id.ts';
import { PendingText } from './pending-text.ts';
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
  readonly #answer = new PendingText();
  #state: 'text' | 'opening' | 'name' | 'arguments' | 'closing' = 'text';
  #object = new JsonObjectFollower();

  constructor(family: HeadedCalls) {
    this.#family = family;
  }

  push(text: string): AnswerPiece[] {
    return this.#answer.push(text, () => this.#advance());
  }

  end(cut = false): AnswerPiece[] {
    return this.#answer.end(this.#state === 'closing' || (this.#state === 'opening' && this.#answer.calls > 0), cut);
  }

  /** Goes on as far as one state reaches; false when more text is needed. */
  #advance(): boolean {
    switch (this.#state) {
      case 'text':
        return this.#inText();
      case 'opening':
        return this.#opening();
      case 'name':
        return this.#inName();
      case 'arguments':
        return this.#inArguments();
      case 'closing':
        return this.#closing();
    }
  }

  #inText(): boolean {
    if (!this.#answer.textBefore(startOf(this.#family))) return false;
    this.#state = this.#family.section ? 'opening' : 'name';
    return true;
  }

  /** In a section: the start of the next call, or the end of the section. */
  #opening(): boolean {
    const { open, section } = this.#family;
    const answer = this.#answer;
    const { rest } = answer;
    if (rest === '') return false;
    if (rest.startsWith(open)) {
      answer.doubt(answer.takeRest(open.length));
      this.#state = 'name';
      return true;
    }
    if (section && rest.startsWith(section.close)) {
      answer.doubt(answer.takeRest(section.close.length));
      if (answer.calls > 0) answer.settle();
      return this.#giveUp();
    }
    if (open.startsWith(rest) || section?.close.startsWith(rest)) return false;
    return this.#giveUp();
  }

  #inName(): boolean {
    const { id, separator } = this.#family;
    const answer = this.#answer;
    const end = answer.held.indexOf(separator);
    if (end < 0) return answer.held.length > MAX_NAME && this.#giveUp();
    const taken = answer.take(end + separator.length);
    const head = taken.slice(0, end);
    const name = (id === undefined ? head : (head.split(id)[0] ?? '')).trim();
    if (name === '') {
      answer.doubt(taken);
      return this.#giveUp();
    }
    answer.call(name);
    this.#object = new JsonObjectFollower();
    this.#state = 'arguments';
    return true;
  }

  #inArguments(): boolean {
    const { state, used, text } = this.#object.push(this.#answer.held);
    this.#answer.take(used);
    this.#answer.arguments(text);
    if (state === 'open') return false;
    this.#state = state === 'done' ? 'closing' : 'text';
    return true;
  }

  /** Takes what stands behind the arguments, which some models leave out. */
  #closing(): boolean {
    const { close, section } = this.#family;
    if (close !== '' && !this.#answer.takeOptional(close.trimStart())) return false;
    this.#state = section ? 'opening' : 'text';
    return true;
  }

  #giveUp(): true {
    this.#answer.giveUp();
    this.#state = 'text';
    return true;
  }
}
