import { GolekError, type JsonSchema, type Tool } from '@golek/providers-spi';
import { overlap } from '@golek/providers-spi/generation';
import { GrammarRules, literal, textThrough, textUntil } from './gbnf.ts';
import { anyValue } from './json-grammar.ts';
import { schemaRules } from './json-schema-grammar.ts';
import type { AnswerPiece, CallableTool, ToolCallFormat, ToolCallParser } from './tool-calls.ts';

const OPEN = '<tool_call>';
const CLOSE = '</tool_call>';
const FUNCTION = '<function=';
const FUNCTION_END = '</function>';
const PARAMETER = '<parameter=';
const PARAMETER_END = '</parameter>';

type Parameters = Readonly<Record<string, JsonSchema>>;

const isObject = (value: unknown): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const parametersOf = (schema: JsonSchema | undefined): Parameters => {
  const properties = schema?.['properties'];
  if (!isObject(properties)) return {};
  return Object.fromEntries(
    Object.entries(properties).filter((entry): entry is [string, JsonSchema] => isObject(entry[1])),
  );
};

/** True for a parameter whose value is written as it is; other values are written as JSON. */
const isText = (schema: JsonSchema | undefined): boolean =>
  schema?.['type'] === 'string' ||
  (Array.isArray(schema?.['enum']) && schema['enum'].every((value) => typeof value === 'string'));

/** Limits of a text that a grammar of plain text does not hold. */
const TEXT_LIMITS = ['pattern', 'minLength', 'maxLength', 'format', 'anyOf', 'oneOf', 'allOf', '$ref'];

const VALUE_END = `\n${PARAMETER_END}\n`;

/** The value of a parameter with what ends it. */
const valueRule = (rules: GrammarRules, tool: CallableTool, key: string, schema: JsonSchema): string => {
  const refused = (why: string): GolekError =>
    new GolekError('unsupported', `tool '${tool.name}': the parameter '${key}' ${why}`, {
      details: { tool: tool.name, parameter: key },
    });
  if (isText(schema)) {
    const values = schema['enum'] ?? ('const' in schema ? [schema['const']] : undefined);
    if (Array.isArray(values))
      return `(${values.map((value) => literal(String(value))).join(' | ')}) ${literal(VALUE_END)}`;
    const limit = TEXT_LIMITS.find((keyword) => keyword in schema);
    if (limit !== undefined && tool.strict)
      throw refused(`has '${limit}', which this model's way of calling cannot hold`);
    return textThrough(rules, PARAMETER_END, '"\\n"');
  }
  const definitions = tool.parameters?.['$defs'];
  const whole = definitions === undefined ? schema : { ...schema, $defs: definitions };
  const end = literal(VALUE_END);
  try {
    // Tried on rules of its own first: a refusal may leave some half defined.
    schemaRules(new GrammarRules(), whole);
    return `${rules.add(schemaRules(rules, whole))} ${end}`;
  } catch (error) {
    if (!(error instanceof GolekError) || error.code !== 'unsupported' || tool.strict) throw error;
    return `${anyValue(rules)} ${end}`;
  }
};

const functionRule = (rules: GrammarRules, tool: CallableTool): string => {
  const required = tool.parameters?.['required'];
  const needed = new Set(Array.isArray(required) ? required : []);
  const parameters = Object.entries(parametersOf(tool.parameters)).map(([key, schema]) => {
    const parameter = rules.add(`${literal(`${PARAMETER}${key}>\n`)} ${valueRule(rules, tool, key, schema)}`);
    return needed.has(key) ? parameter : `${parameter}?`;
  });
  return rules.add([literal(`${FUNCTION}${tool.name}>\n`), ...parameters, literal(`${FUNCTION_END}\n`)].join(' '));
};

const afterOpen = (rules: GrammarRules, tools: readonly CallableTool[], parallel: boolean): string => {
  const call = rules.add(`"\\n" (${tools.map((tool) => functionRule(rules, tool)).join(' | ')}) ${literal(CLOSE)}`);
  return rules.add(parallel ? `${call} ("\\n" ${literal(OPEN)} ${call})*` : call);
};

/** Qwen3-Coder and its successors: calls as XML, texts in it without quotes. */
export const xmlFormat: ToolCallFormat = {
  name: 'qwen3-coder',
  markers: [OPEN, CLOSE],
  matches: (template) => template.includes(FUNCTION) && template.includes(PARAMETER),
  callRule: (rules, tools, parallel) => `${literal(OPEN)} ${afterOpen(rules, tools, parallel)}`,
  textOrCalls: (rules, tools, parallel) => textUntil(rules, OPEN, afterOpen(rules, tools, parallel)),
  parser: (tools) => new XmlParser(tools),
};

/** A longer name is none: what ends it was left out. */
const MAX_NAME = 256;

class XmlParser implements ToolCallParser {
  readonly #parameters: ReadonlyMap<string, Parameters>;
  #state: 'text' | 'opened' | 'function' | 'value' | 'closing' = 'text';
  /** Raw text that no piece stands for yet. */
  #held = '';
  /** Place of the start of `#held` in the raw text. */
  #at = 0;
  /** Raw text of a call whose name is not known yet, for the case that it is none. */
  #doubtful = '';
  #calls = 0;
  #known: Parameters = {};
  /** Of the call in progress. */
  #values = 0;
  /** The value in progress is a text, which goes out as it comes. */
  #text = false;
  /** It has its first character. */
  #begun = false;

  constructor(tools: readonly Pick<Tool, 'name' | 'parameters'>[]) {
    this.#parameters = new Map(tools.map(({ name, parameters }) => [name, parametersOf(parameters)]));
  }

  push(text: string): AnswerPiece[] {
    this.#held += text;
    const pieces: AnswerPiece[] = [];
    while (this.#advance(pieces));
    return pieces;
  }

  end(): AnswerPiece[] {
    if (this.#state !== 'text' && this.#state !== 'opened') return [];
    // White space behind the last call belongs to it.
    const held = this.#state === 'text' && this.#calls > 0 ? this.#held.trimEnd() : this.#held;
    const text = this.#doubtful + held;
    return text === '' ? [] : [{ type: 'text', text, until: this.#at + this.#held.length }];
  }

  /** Goes on as far as one state reaches; false when more text is needed. */
  #advance(pieces: AnswerPiece[]): boolean {
    switch (this.#state) {
      case 'text':
        return this.#inText(pieces);
      case 'opened':
        return this.#opened(pieces);
      case 'function':
        return this.#inFunction(pieces);
      case 'value':
        return this.#inValue(pieces);
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

  #arguments(pieces: AnswerPiece[], text: string): void {
    if (text !== '') pieces.push({ type: 'arguments', text, until: this.#at });
  }

  #inText(pieces: AnswerPiece[]): boolean {
    const open = this.#held.indexOf(OPEN);
    const certain = open >= 0 ? open : this.#held.length - overlap(this.#held, OPEN);
    // White space before a call belongs to it, so it waits until it is known what follows.
    const text = this.#take(this.#held.slice(0, certain).trimEnd().length);
    if (text !== '') pieces.push({ type: 'text', text, until: this.#at });
    if (open < 0) return false;
    this.#doubtful = this.#take(this.#held.indexOf(OPEN) + OPEN.length);
    this.#state = 'opened';
    return true;
  }

  /** Behind the tag: the function's. */
  #opened(pieces: AnswerPiece[]): boolean {
    const tag = this.#tag(FUNCTION);
    if (tag === 'cut') return false;
    if (tag.name === undefined) {
      pieces.push({ type: 'text', text: this.#doubtful, until: this.#at });
      this.#doubtful = '';
      this.#state = 'text';
      return true;
    }
    this.#doubtful = '';
    this.#calls++;
    this.#values = 0;
    this.#known = this.#parameters.get(tag.name) ?? {};
    pieces.push({ type: 'call', name: tag.name, until: this.#at });
    this.#arguments(pieces, '{');
    this.#state = 'function';
    return true;
  }

  /** Takes a tag such as `<function=name>` and what is blank before it; without a name when something else stands here. */
  #tag(start: string): 'cut' | { readonly name: string | undefined } {
    const rest = this.#held.trimStart();
    if (rest.length < start.length && start.startsWith(rest)) return 'cut';
    const end = rest.indexOf('>');
    if (!rest.startsWith(start) || end > MAX_NAME || (end < 0 && rest.length > MAX_NAME)) return { name: undefined };
    if (end < 0) return 'cut';
    const name = rest.slice(start.length, end).trim();
    if (name === '') return { name: undefined };
    this.#take(this.#held.length - rest.length + end + 1);
    return { name };
  }

  /** The next parameter, or the end of the function. */
  #inFunction(pieces: AnswerPiece[]): boolean {
    const rest = this.#held.trimStart();
    if (rest.length < FUNCTION_END.length && FUNCTION_END.startsWith(rest)) return false;
    if (rest.startsWith(FUNCTION_END)) {
      this.#take(this.#held.length - rest.length + FUNCTION_END.length);
      this.#arguments(pieces, '}');
      this.#state = 'closing';
      return true;
    }
    const tag = this.#tag(PARAMETER);
    if (tag === 'cut') return false;
    if (tag.name === undefined) {
      this.#arguments(pieces, '}');
      this.#state = 'text';
      return true;
    }
    this.#text = isText(this.#known[tag.name]);
    const comma = this.#values++ === 0 ? '' : ', ';
    this.#arguments(pieces, `${comma}${JSON.stringify(tag.name)}: ${this.#text ? '"' : ''}`);
    this.#begun = false;
    this.#state = 'value';
    return true;
  }

  /** A value stands between two line breaks that are not part of it. */
  #inValue(pieces: AnswerPiece[]): boolean {
    if (this.#held === '') return false;
    if (!this.#begun && this.#held.startsWith('\n')) this.#take(1);
    this.#begun = true;
    const end = this.#held.indexOf(PARAMETER_END);
    if (end < 0) {
      if (!this.#text) return false;
      const doubtful = Math.max(overlap(this.#held, PARAMETER_END), overlap(this.#held, `\n${PARAMETER_END}`));
      this.#arguments(pieces, escaped(this.#take(this.#held.length - doubtful)));
      return false;
    }
    const value = this.#take(end).replace(/\n$/, '');
    this.#take(PARAMETER_END.length);
    this.#arguments(pieces, this.#text ? `${escaped(value)}"` : jsonOf(value));
    this.#state = 'function';
    return true;
  }

  /** Takes the closing tag, which some models leave out. */
  #closing(): boolean {
    const rest = this.#held.trimStart();
    if (rest !== CLOSE && CLOSE.startsWith(rest)) return false;
    if (rest.startsWith(CLOSE)) this.#take(this.#held.length - rest.length + CLOSE.length);
    this.#state = 'text';
    return true;
  }
}

/** The text as it stands in a JSON string. */
const escaped = (text: string): string => JSON.stringify(text).slice(1, -1);

/** A value that should be JSON; what is none is taken for text. */
const jsonOf = (value: string): string => {
  try {
    JSON.parse(value);
    return value.trim();
  } catch {
    return JSON.stringify(value);
  }
};
