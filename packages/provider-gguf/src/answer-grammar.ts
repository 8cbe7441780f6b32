import { GolekError, type GenerateRequest, type OutputFormat, type Tool } from '@golek/providers-spi';
import { GrammarRules } from './gbnf.ts';
import { checkGrammar } from './grammar-check.ts';
import { anyObject } from './json-grammar.ts';
import { schemaRules } from './json-schema-grammar.ts';
import type { CallableTool, ToolCallFormat } from './tool-calls.ts';

type ChatInput = Extract<GenerateRequest['input'], { type: 'chat' }>;

/** The tools that an answer may call: those of the request, unless it chooses none of them. */
export const callableTools = (input: GenerateRequest['input']): readonly Tool[] =>
  input.type === 'chat' && input.toolChoice?.type !== 'none' ? (input.tools ?? []) : [];

/**
 * The grammar that holds an answer to what the request asks of its form; undefined when any text will do.
 *
 * With tools, the model is free to answer with text, but what it writes as a tool call is one of the tools with arguments of its schema.
 * Throws `unsupported` for what cannot be enforced and `invalid_request` for what makes no sense.
 */
export const answerGrammar = (request: GenerateRequest, format: ToolCallFormat | undefined): string | undefined => {
  const { input, output = { type: 'text' } } = request;
  const tools = callableTools(input);
  if (input.type === 'chat' && tools.length > 0 && format) return withTools(input, tools, output, format);
  if (input.type === 'chat' && (input.toolChoice?.type === 'required' || input.toolChoice?.type === 'tool')) {
    throw new GolekError(
      'invalid_request',
      `toolChoice '${input.toolChoice.type}' needs tools, and the request has none`,
    );
  }
  if (output.type === 'grammar') {
    checkGrammar(output.grammar);
    return output.grammar;
  }
  const rules = new GrammarRules();
  const root = contentRule(rules, output);
  return root === undefined ? undefined : rules.text(root);
};

const contentRule = (rules: GrammarRules, output: OutputFormat): string | undefined => {
  if (output.type === 'json') return anyObject(rules);
  if (output.type === 'json-schema') return schemaRules(rules, output.schema);
  return undefined;
};

const withTools = (input: ChatInput, tools: readonly Tool[], output: OutputFormat, format: ToolCallFormat): string => {
  if (output.type === 'grammar') {
    throw new GolekError('unsupported', "'output.grammar' cannot be combined with tools; use 'output.json-schema'", {
      details: { option: 'output.grammar' },
    });
  }
  const rules = new GrammarRules();
  const chosen = input.toolChoice?.type === 'tool' ? [named(tools, input.toolChoice.name)] : tools;
  const callable = chosen.map((tool) => callableTool(rules, tool));
  const parallel = input.parallelToolCalls !== false;
  if (input.toolChoice?.type === 'required' || input.toolChoice?.type === 'tool') {
    return rules.text(format.callRule(rules, callable, parallel));
  }
  const content = contentRule(rules, output);
  return rules.text(
    content === undefined
      ? format.textOrCalls(rules, callable, parallel)
      : `${content} | ${format.callRule(rules, callable, parallel)}`,
  );
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
  const schema = 'type' in tool.parameters ? tool.parameters : { type: 'object', ...tool.parameters };
  try {
    // Tried on rules of its own first: a refusal may leave some half defined.
    schemaRules(new GrammarRules(), schema);
    return { name: tool.name, arguments: rules.add(schemaRules(rules, schema)) };
  } catch (error) {
    // Only `strict` promises the schema; otherwise it is a description, and the arguments are any JSON object.
    if (error instanceof GolekError && error.code === 'unsupported' && tool.strict !== true) {
      return { name: tool.name, arguments: anyObject(rules) };
    }
    throw error instanceof GolekError
      ? new GolekError(error.code, `tool '${tool.name}': ${error.message}`, {
          cause: error,
          details: { ...error.details, tool: tool.name },
        })
      : error;
  }
};
