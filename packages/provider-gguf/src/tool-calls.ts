import { llamaFormat } from './llama-tool-calls.ts';
import type { JsonSchema, Tool } from '@golek/providers-spi';
import type { GrammarRules } from './gbnf.ts';
import { HEADED_FORMATS } from './headed-tool-calls.ts';
import { TAGGED_FORMATS } from './tagged-tool-calls.ts';
import { xmlFormat } from './xml-tool-calls.ts';

/** What a model wrote, piece by piece. `until` is the place in the raw text, in UTF-16 units, up to which a piece stands for it. */
export type AnswerPiece =
  | { readonly type: 'text'; readonly text: string; readonly until: number }
  /** A tool call begins. */
  | { readonly type: 'call'; readonly name: string; readonly until: number }
  /** A call that ends before its name is known. */
  | { readonly type: 'cut'; readonly until: number }
  /** More of the JSON text of the arguments of the call that began last. */
  | { readonly type: 'arguments'; readonly text: string; readonly until: number };

/** Splits the raw text of one answer into text and tool calls, as it arrives. */
export interface ToolCallParser {
  push(text: string): AnswerPiece[];
  /** What was held back, when the answer ends; `cut`: by the limit of tokens, so that a call may have begun that has no name yet. */
  end(cut?: boolean): AnswerPiece[];
}

/** A tool as the grammar sees it: its name and the rule of its arguments. */
export interface CallableTool {
  readonly name: string;
  readonly arguments: string;
  /** The schema of the arguments, for formats that do not write them as JSON. */
  readonly parameters?: JsonSchema;
  /** True: what of the schema cannot be enforced is refused. */
  readonly strict?: boolean;
}

/** How a family of models writes tool calls. A new family is an entry of one of the tables, or a file beside them. */
export interface ToolCallFormat {
  readonly name: string;
  /** Texts around calls, which may be control tokens of the model: their text is needed to find the calls. */
  readonly markers: readonly string[];
  /** True when the chat template of a model speaks this format. */
  matches(chatTemplate: string): boolean;
  /** A rule that one call, or several when `parallel`, of the tools matches. */
  callRule(rules: GrammarRules, tools: readonly CallableTool[], parallel: boolean): string;
  /** A rule that text matches in which `calls` follow where a call begins, or nothing. */
  textOrCalls(rules: GrammarRules, tools: readonly CallableTool[], parallel: boolean): string;
  /** `tools`: those that can be called. */
  parser(tools: readonly Pick<Tool, 'name' | 'parameters'>[]): ToolCallParser;
  /** The id of a call as the template takes it, where it does not take any text. Equal ids give equal ones. */
  readonly templateCallId?: (id: string) => string;
}

const TOOL_CALL_FORMATS: readonly ToolCallFormat[] = [...TAGGED_FORMATS, ...HEADED_FORMATS, xmlFormat, llamaFormat];

/** The format of a model's tool calls; undefined when its template names none that is known. */
export const toolCallFormatOf = (chatTemplate: string): ToolCallFormat | undefined =>
  TOOL_CALL_FORMATS.find((format) => format.matches(chatTemplate));
