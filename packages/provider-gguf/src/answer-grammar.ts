import { GolekError, type GenerateRequest, type OutputFormat, type Tool } from '@golek/providers-spi';
import { GrammarRules, literal, textThrough } from './gbnf.ts';
import { checkGrammar } from './grammar-check.ts';
import { anyObject } from './json-grammar.ts';
import { schemaRules } from './json-schema-grammar.ts';
import type { ReasoningFormat, ReasoningStart } from './reasoning-formats.ts';
import type { CallableTool, ToolCallFormat } from './tool-calls.ts';

type ChatInput = Extract<GenerateRequest['input'], { type: 'chat' }>;

/** The tools that an answer may call: those of the request, unless it chooses none of them. */
export const callableTools = (input: GenerateRequest['input']): readonly Tool[] =>
  input.type === 'chat' && input.toolChoice?.type !== 'none' ? (input.tools ?? []) : [];

/** The reasoning that comes before the answer of a model that thinks. */
export interface ReasoningPrefix {
  readonly format: ReasoningFormat;
  readonly start: ReasoningStart;
}

/**
 * The grammar that holds an answer to what the request asks of its form; undefined when any text will do.
 *
 * With tools, the model is free to answer with text, but what it writes as a tool call is one of the tools with arguments of its schema.
 * Reasoning is free: the grammar is for what comes behind it. Throws `unsupported` for what cannot be enforced and `invalid_request` for
 * what makes no sense.
 */
export const answerGrammar = (
  request: GenerateRequest,
  format: ToolCallFormat | undefined,
  reasoning: ReasoningPrefix | undefined,
): string | undefined => {
  const { input, output = { type: 'text' } } = request;
  const tools = callableTools(input);
  const rules = new GrammarRules();
  const whole = (answer: string): string => rules.text(withReasoning(rules, answer, reasoning));
  if (input.type === 'chat' && tools.length > 0 && format) return whole(withTools(rules, input, tools, output, format));
  if (input.type === 'chat' && (input.toolChoice?.type === 'required' || input.toolChoice?.type === 'tool')) {
    throw new GolekError(
      'invalid_request',
      `toolChoice '${input.toolChoice.type}' needs tools, and the request has none`,
    );
  }
  if (output.type === 'grammar') {
    checkGrammar(output.grammar);
    if (!reasoning || reasoning.start === 'closed') return output.grammar;
    const before = new GrammarRules(OWN);
    return `${before.text(withReasoning(before, ANSWER_ROOT, reasoning))}${renameRoot(output.grammar)}`;
  }
  const root = contentRule(rules, output);
  return root === undefined ? undefined : whole(root);
};

/** Begins the names that stand beside those of a request's own grammar, where reasoning comes before it. */
const OWN = 'golek-';
/** Name of the start of that grammar. */
const ANSWER_ROOT = `${OWN}answer`;

/** The grammar with another name for its rule `root`, which may stand in strings and comments as well. */
const renameRoot = (grammar: string): string =>
  grammar.replaceAll(/#[^\r\n]*|"(?:\\[^]|[^"\\])*"|\[(?:\\[^]|[^\]\\])*\]|[a-zA-Z0-9-]+/g, (item) =>
    item === 'root' ? ANSWER_ROOT : item,
  );

const withReasoning = (rules: GrammarRules, answer: string, reasoning: ReasoningPrefix | undefined): string => {
  if (!reasoning || reasoning.start === 'closed') return answer;
  const { open, close } = reasoning.format;
  const blanks = rules.named('blanks', () => '[ \\t\\r\\n]{0,4}');
  const end = rules.add(`${blanks} (${answer})`);
  const thinking = textThrough(rules, close, end);
  return reasoning.start === 'opened' ? thinking : `(${answer}) | ${blanks} ${literal(open)} ${thinking}`;
};

const contentRule = (rules: GrammarRules, output: OutputFormat): string | undefined => {
  if (output.type === 'json') return anyObject(rules);
  if (output.type === 'json-schema') return schemaRules(rules, output.schema);
  return undefined;
};

const withTools = (
  rules: GrammarRules,
  input: ChatInput,
  tools: readonly Tool[],
  output: OutputFormat,
  format: ToolCallFormat,
): string => {
  if (output.type === 'grammar') {
    throw new GolekError(
      'unsupported',
      "'output.grammar' cannot be combined with tools; ask for the form by a JSON Schema",
      {
        details: { option: 'output.grammar' },
      },
    );
  }
  const chosen = input.toolChoice?.type === 'tool' ? [named(tools, input.toolChoice.name)] : tools;
  const callable = chosen.map((tool) => callableTool(rules, tool));
  const parallel = input.parallelToolCalls !== false;
  if (input.toolChoice?.type === 'required' || input.toolChoice?.type === 'tool') {
    return format.callRule(rules, callable, parallel);
  }
  const content = contentRule(rules, output);
  return content === undefined
    ? format.textOrCalls(rules, callable, parallel)
    : `${content} | ${format.callRule(rules, callable, parallel)}`;
};

const named = (tools: readonly Tool[], name: string): Tool => {
  const tool = tools.find((candidate) => candidate.name === name);
  if (tool) return tool;
  throw new GolekError(
    'invalid_request',
    `toolChoice names '${name}'; the request's tools are ${tools.map((each) => each.name).join(', ')}`,
  );
};

const callableTool = (rules: GrammarRules, tool: Tool): CallableTool => {
  if (!tool.parameters) return { name: tool.name, arguments: anyObject(rules) };
  const told = { name: tool.name, parameters: tool.parameters, strict: tool.strict === true };
  const schema = 'type' in tool.parameters ? tool.parameters : { type: 'object', ...tool.parameters };
  try {
    // Tried on rules of its own first: a refusal may leave some half defined.
    schemaRules(new GrammarRules(), schema);
    return { ...told, arguments: rules.add(schemaRules(rules, schema)) };
  } catch (error) {
    // Only `strict` promises the schema; otherwise it is a description, and the arguments are any JSON object.
    if (error instanceof GolekError && error.code === 'unsupported' && tool.strict !== true) {
      return { ...told, arguments: anyObject(rules) };
    }
    throw error instanceof GolekError
      ? new GolekError(error.code, `tool '${tool.name}': ${error.message}`, {
          cause: error,
          details: { ...error.details, option: 'tools', tool: tool.name },
        })
      : error;
  }
};
