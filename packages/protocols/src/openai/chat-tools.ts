import { JsonSchema, type Tool, type ToolChoice } from '@golek/api';
import { z } from 'zod';
import { invalid } from '../request-body/parse-body.ts';
import { withoutVariants } from '../request-body/refusals.ts';

const NO_CUSTOM_TOOLS = { custom: "describe the tool as a function with a JSON Schema in 'parameters'" };

const ChatTool = withoutVariants(
  z
    .discriminatedUnion(
      'type',
      [
        z.strictObject({
          type: z.literal('function'),
          function: z.strictObject({
            name: z.string().min(1).max(128),
            description: z.string().nullish(),
            parameters: JsonSchema.nullish(),
            strict: z.boolean().nullish(),
          }),
        }),
      ],
      "expected 'function'",
    )
    .meta({ id: 'ChatTool' }),
  NO_CUSTOM_TOOLS,
);

const NamedFunction = z.strictObject({
  type: z.literal('function'),
  function: z.strictObject({ name: z.string().min(1) }),
});

const AllowedTools = z.strictObject({
  type: z.literal('allowed_tools'),
  allowed_tools: z.strictObject({
    mode: z.enum(['auto', 'required']),
    tools: z
      .array(withoutVariants(z.discriminatedUnion('type', [NamedFunction], "expected 'function'"), NO_CUSTOM_TOOLS))
      .min(1),
  }),
});

export const toolFields = {
  tools: z.array(ChatTool).nullish(),
  tool_choice: z
    .union(
      [
        z.enum(['none', 'auto', 'required']),
        withoutVariants(
          z.discriminatedUnion('type', [NamedFunction, AllowedTools], "expected 'function' or 'allowed_tools'"),
          NO_CUSTOM_TOOLS,
        ),
      ],
      "expected 'none', 'auto', 'required' or an object that names a function",
    )
    .nullish(),
  parallel_tool_calls: z.boolean().nullish(),
};
type ToolFields = z.output<z.ZodObject<typeof toolFields>>;

const readTool = ({ function: { name, description, parameters, strict } }: z.output<typeof ChatTool>): Tool => ({
  name,
  ...(description != null && { description }),
  ...(parameters != null && { parameters }),
  ...(strict != null && { strict }),
});

interface ToolUse {
  tools?: Tool[];
  toolChoice?: ToolChoice;
  parallelToolCalls?: boolean;
}

/** `allowed_tools` hides the other tools from the model, which so cannot call them. */
const allow = (tools: readonly Tool[], allowed: z.output<typeof AllowedTools>['allowed_tools']): Tool[] => {
  const names = new Set(allowed.tools.map((tool) => tool.function.name));
  for (const name of names) {
    if (!tools.some((tool) => tool.name === name))
      throw invalid('tool_choice', `'tool_choice' allows the tool '${name}', which is not in 'tools'`);
  }
  return tools.filter(({ name }) => names.has(name));
};

/** Throws `invalid_request` when `allowed_tools` names an unknown tool. */
export const readTools = ({ tools, tool_choice: choice, parallel_tool_calls: parallel }: ToolFields): ToolUse => {
  const use: ToolUse = {};
  if (tools && tools.length > 0) use.tools = tools.map(readTool);
  if (typeof choice === 'string') use.toolChoice = { type: choice };
  else if (choice?.type === 'function') use.toolChoice = { type: 'tool', name: choice.function.name };
  else if (choice) {
    use.tools = allow(use.tools ?? [], choice.allowed_tools);
    use.toolChoice = { type: choice.allowed_tools.mode };
  }
  if (parallel != null) use.parallelToolCalls = parallel;
  return use;
};
