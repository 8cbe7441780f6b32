import { JsonSchema, type GenerateRequest } from '@golek/api';
import { z } from 'zod';
import { limited, refused, withoutVariants } from '../../request-body/refusals.ts';
import { readTools, toolFields } from '../chat-tools.ts';

const NO_HOSTED = 'there are no tools on the server; offer a function that the client runs';
const NO_CUSTOM = "describe the tool as a function with a JSON Schema in 'parameters'";
/** The kinds of tools of the API that run on OpenAI's servers, or are no functions. */
const OTHER_TOOLS = {
  web_search: NO_HOSTED,
  web_search_2025_08_26: NO_HOSTED,
  web_search_preview: NO_HOSTED,
  web_search_preview_2025_03_11: NO_HOSTED,
  file_search: NO_HOSTED,
  computer: NO_HOSTED,
  computer_use_preview: NO_HOSTED,
  code_interpreter: NO_HOSTED,
  image_generation: NO_HOSTED,
  mcp: "connect the client to the MCP server and describe its tools in 'tools'",
  local_shell: NO_CUSTOM,
  shell: NO_CUSTOM,
  apply_patch: NO_CUSTOM,
  custom: NO_CUSTOM,
  namespace: 'describe each of its tools as a function',
  tool_search: NO_HOSTED,
  programmatic_tool_calling: NO_HOSTED,
};

const FunctionTool = z.strictObject({
  type: z.literal('function'),
  name: z.string().min(1).max(128),
  description: z.string().nullish(),
  parameters: JsonSchema.nullish(),
  strict: z.boolean().nullish(),
  async: limited(z.literal(false).nullish(), 'functions are called by the client; leave it out'),
  defer_loading: limited(z.literal(false).nullish(), 'every tool is shown to the model; leave it out'),
  allowed_callers: limited(z.array(z.literal('direct')).nullish(), 'only the model calls functions; leave it out'),
  output_schema: refused('results are not checked; leave it out'),
});

const NamedFunction = z.strictObject({ type: z.literal('function'), name: z.string().min(1) });

const AllowedTools = z.strictObject({
  type: z.literal('allowed_tools'),
  mode: z.enum(['auto', 'required']),
  tools: z
    .array(withoutVariants(z.discriminatedUnion('type', [NamedFunction], "expected 'function'"), OTHER_TOOLS))
    .min(1),
});

export const functionToolFields = {
  tools: z
    .array(withoutVariants(z.discriminatedUnion('type', [FunctionTool], "expected 'function'"), OTHER_TOOLS))
    .nullish(),
  tool_choice: z
    .union(
      [
        z.enum(['none', 'auto', 'required']),
        withoutVariants(
          z.discriminatedUnion('type', [NamedFunction, AllowedTools], "expected 'function' or 'allowed_tools'"),
          OTHER_TOOLS,
        ),
      ],
      "expected 'none', 'auto', 'required' or an object that names a function",
    )
    .nullish(),
  parallel_tool_calls: toolFields.parallel_tool_calls,
};
type FunctionToolFields = z.output<z.ZodObject<typeof functionToolFields>>;
type ChatTools = Parameters<typeof readTools>[0];

const chatChoice = (choice: FunctionToolFields['tool_choice']): ChatTools['tool_choice'] => {
  if (choice == null || typeof choice === 'string') return choice;
  if (choice.type === 'function') return { type: 'function', function: { name: choice.name } };
  const tools = choice.tools.map(({ name }) => ({ type: 'function' as const, function: { name } }));
  return { type: 'allowed_tools', allowed_tools: { mode: choice.mode, tools } };
};

type ToolUse = Pick<Extract<GenerateRequest['input'], { type: 'chat' }>, 'tools' | 'toolChoice' | 'parallelToolCalls'>;

/** Throws `invalid_request` when `allowed_tools` names an unknown tool. */
export const readFunctionTools = ({ tools, tool_choice, parallel_tool_calls }: FunctionToolFields): ToolUse =>
  readTools({
    tools: tools?.map(({ type, name, description, parameters, strict }) => ({
      type,
      function: { name, description, parameters, strict },
    })),
    tool_choice: chatChoice(tool_choice),
    parallel_tool_calls,
  });

/** Tools as a response repeats them. */
export const ToolEcho = z.strictObject({
  type: z.literal('function'),
  name: z.string(),
  description: z.string().nullable(),
  parameters: JsonSchema.nullable(),
  strict: z.boolean().nullable(),
});

export const ToolChoiceEcho = z.union([z.enum(['none', 'auto', 'required']), NamedFunction, AllowedTools]);

export const echoTools = (tools: FunctionToolFields['tools']): z.infer<typeof ToolEcho>[] =>
  (tools ?? []).map(({ type, name, description, parameters, strict }) => ({
    type,
    name,
    description: description ?? null,
    parameters: parameters ?? null,
    strict: strict ?? null,
  }));
