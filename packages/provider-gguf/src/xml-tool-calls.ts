import { GolekError, type JsonSchema, type Tool } from '@golek/providers-spi';
import { overlap } from '@golek/providers-spi/generation';
import { GrammarRules, literal, textThrough, textUntil } from './gbnf.ts';
import { anyValue } from './json-grammar.ts';
import { schemaRules } from './json-schema-grammar.ts';
import { PendingText } from './pending-text.ts';
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
  readonly #answer = new PendingText();
  #state: 'text' | 'opened' | 'function' | 'value' | 'closing' = 'text';
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
    return this.#answer.push(text, () => this.#advance());
  }

  end(cut = false): AnswerPiece[] {
    return this.#answer.end(this.#state !== 'text' && this.#state !== 'opened', cut);
  }

  /** Goes on as far as one state reaches; false when more text is needed. */
  #advance(): boolean {
    switch (this.#state) {
      case 'text':
        return this.#inText();
      case 'opened':
        return this.#opened();
      case 'function':
        return this.#inFunction();
      case 'value':
        return this.#inValue();
      case 'closing':
        return this.#closing();
    }
  }

  #inText(): boolean {
    if (!this.#answer.textBefore(OPEN)) return false;
    this.#state = 'opened';
    return true;
  }

  /** Behind the tag: the function's. */
  #opened(): boolean {
    const answer = this.#answer;
    const tag = this.#tag(FUNCTION);
    if (tag === 'cut') return false;
    if (tag.name === undefined) {
      answer.giveUp();
      this.#state = 'text';
      return true;
    }
    this.#values = 0;
    this.#known = this.#parameters.get(tag.name) ?? {};
    answer.call(tag.name);
    answer.arguments('{');
    this.#state = 'function';
    return true;
  }

  /** Takes a tag such as `<function=name>` and what is blank before it; without a name when something else stands here. */
  #tag(start: string): 'cut' | { readonly name: string | undefined } {
    const { rest } = this.#answer;
    if (rest.length < start.length && start.startsWith(rest)) return 'cut';
    const end = rest.indexOf('>');
    if (!rest.startsWith(start) || end > MAX_NAME || (end < 0 && rest.length > MAX_NAME)) return { name: undefined };
    if (end < 0) return 'cut';
    const name = rest.slice(start.length, end).trim();
    if (name === '') return { name: undefined };
    this.#answer.takeRest(end + 1);
    return { name };
  }

  /** The next parameter, or the end of the function. */
  #inFunction(): boolean {
    const answer = this.#answer;
    const { rest } = answer;
    if (rest.length < FUNCTION_END.length && FUNCTION_END.startsWith(rest)) return false;
    if (rest.startsWith(FUNCTION_END)) {
      answer.takeRest(FUNCTION_END.length);
      answer.arguments('}');
      this.#state = 'closing';
      return true;
    }
    const tag = this.#tag(PARAMETER);
    if (tag === 'cut') return false;
    if (tag.name === undefined) {
      answer.arguments('}');
      this.#state = 'text';
      return true;
    }
    this.#text = isText(this.#known[tag.name]);
    const comma = this.#values++ === 0 ? '' : ', ';
    answer.arguments(`${comma}${JSON.stringify(tag.name)}: ${this.#text ? '"' : ''}`);
    this.#begun = false;
    this.#state = 'value';
    return true;
  }

  /** A value stands between two line breaks that are not part of it. */
  #inValue(): boolean {
    const answer = this.#answer;
    if (answer.held === '') return false;
    if (!this.#begun && answer.held.startsWith('\n')) answer.take(1);
    this.#begun = true;
    const { held } = answer;
    const end = held.indexOf(PARAMETER_END);
    if (end < 0) {
      if (!this.#text) return false;
      const doubtful = Math.max(overlap(held, PARAMETER_END), overlap(held, `\n${PARAMETER_END}`));
      answer.arguments(escaped(answer.take(held.length - doubtful)));
      return false;
    }
    const value = answer.take(end).replace(/\n$/, '');
    answer.take(PARAMETER_END.length);
    answer.arguments(this.#text ? `${escaped(value)}"` : jsonOf(value));
    this.#state = 'function';
    return true;
  }

  /** Takes the closing tag, which some models leave out. */
  #closing(): boolean {
    if (!this.#answer.takeOptional(CLOSE)) return false;
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
