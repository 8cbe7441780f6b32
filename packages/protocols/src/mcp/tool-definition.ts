import { z } from 'zod';

/** Who may see and call a tool: whoever may run models, whoever may administer the runtime. */
export type ToolScope = 'inference' | 'admin';

/** What a client may assume of a tool; it decides by these whether to ask its user first. */
export interface ToolAnnotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  /** True when services beyond this server may be reached. */
  readonly openWorldHint: boolean;
}

/** A tool as it is known here; `wireTool` makes what clients are shown. */
export interface ToolDefinition {
  readonly name: string;
  readonly title: string;
  /** For the model that chooses among tools. */
  readonly description: string;
  readonly scope: ToolScope;
  readonly input: z.ZodObject;
  readonly output: z.ZodObject;
  readonly annotations: ToolAnnotations;
}

/** A tool in the answer of `tools/list`. */
export interface WireTool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: ObjectSchema;
  readonly outputSchema: ObjectSchema;
  readonly annotations: ToolAnnotations;
}

/** JSON Schema, draft 2020-12, of an object. */
export interface ObjectSchema extends Record<string, unknown> {
  readonly type: 'object';
}

const objectSchema = (schema: z.ZodObject, io: 'input' | 'output'): ObjectSchema => ({
  ...z.toJSONSchema(schema, { io, unrepresentable: 'any' }),
  type: 'object',
});

export const wireTool = ({ name, title, description, input, output, annotations }: ToolDefinition): WireTool => ({
  name,
  title,
  description,
  inputSchema: objectSchema(input, 'input'),
  outputSchema: objectSchema(output, 'output'),
  annotations,
});
