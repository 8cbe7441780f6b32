import { GolekError, JsonSchema, type GenerateRequest } from '@golek/api';
import { z } from 'zod';
import { limited, refused, withoutVariants } from '../../request-body/refusals.ts';
import { readTools, toolFields } from '../chat-tools.ts';

const NO_HOSTED = 'there are no tools on the server; offer a function that the client runs';
const NO_CUSTOM = "describe the tool as a function with a JSON Schema in 'parameters'";

/** Tools that clients offer beside their functions whatever the server is, as Codex does: models are not shown them there, and the answer says so. */
const EXTRA_TOOLS = {
  web_search: NO_HOSTED,
  web_search_2025_08_26: NO_HOSTED,
  web_search_preview: NO_HOSTED,
  web_search_preview_2025_03_11: NO_HOSTED,
  file_search: NO_HOSTED,
  code_interpreter: NO_HOSTED,
  image_generation: NO_HOSTED,
  tool_search: NO_HOSTED,
  custom: NO_CUSTOM,
};
type ExtraType = keyof typeof EXTRA_TOOLS;
const EXTRA_TYPES = Object.keys(EXTRA_TOOLS) as [ExtraType, ...ExtraType[]];

/** The other kinds of tools of the API that run on OpenAI's servers, or are no functions. */
const OTHER_TOOLS = {
  computer: NO_HOSTED,
  computer_use_preview: NO_HOSTED,
  mcp: "connect the client to the MCP server and describe its tools in 'tools'",
  local_shell: NO_CUSTOM,
  shell: NO_CUSTOM,
  apply_patch: NO_CUSTOM,
  programmatic_tool_calling: NO_HOSTED,
};
const NO_FUNCTIONS = { ...EXTRA_TOOLS, ...OTHER_TOOLS, namespace: 'name a function of it' };

const FunctionTool = z.strictObject({
  type: z.literal('function'),
  name: z.string().min(1).max(128),
  description: z.string().nullish(),
  parameters: JsonSchema.nullish(),
  strict: z.boolean().nullish(),
  async: limited(z.literal(false).nullish(), 'functions are called by the client; leave it out'),
  defer_loading: z.boolean().nullish().describe('Taken and not needed: every tool is shown to the model.'),
  allowed_callers: limited(z.array(z.literal('direct')).nullish(), 'only the model calls functions; leave it out'),
  output_schema: refused('results are not checked; leave it out'),
});

const ExtraTool = z.looseObject({ type: z.enum(EXTRA_TYPES) });

/** Functions under a name of their own, as Codex offers those of an MCP server. */
const Namespace = z.strictObject({
  type: z.literal('namespace'),
  name: z.string().min(1).max(128),
  description: z.string().nullish(),
  tools: z.array(
    z.discriminatedUnion(
      'type',
      [FunctionTool, ExtraTool.extend({ type: z.literal('custom') })],
      "expected 'function'",
    ),
  ),
});

const NamedFunction = z.strictObject({ type: z.literal('function'), name: z.string().min(1) });

const AllowedTools = z.strictObject({
  type: z.literal('allowed_tools'),
  mode: z.enum(['auto', 'required']),
  tools: z
    .array(withoutVariants(z.discriminatedUnion('type', [NamedFunction], "expected 'function'"), NO_FUNCTIONS))
    .min(1),
});

export const functionToolFields = {
  tools: z
    .array(
      withoutVariants(
        z.discriminatedUnion('type', [FunctionTool, Namespace, ExtraTool], "expected 'function'"),
        OTHER_TOOLS,
      ),
    )
    .nullish(),
  tool_choice: z
    .union(
      [
        z.enum(['none', 'auto', 'required']),
        withoutVariants(
          z.discriminatedUnion('type', [NamedFunction, AllowedTools], "expected 'function' or 'allowed_tools'"),
          NO_FUNCTIONS,
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

type FunctionParam = z.output<typeof FunctionTool>;

/** What of the tools a model is shown. */
export interface ShownTools {
  readonly functions: readonly FunctionParam[];
  /** The namespaces of the functions that have one. */
  readonly namespaces: ReadonlyMap<string, string>;
  /** What is said of the others. */
  readonly warnings: readonly string[];
}

/** Models know no namespaces: their functions are shown by their own names, as long as no two are equal. Throws `unsupported` where there are tools, but no function. */
export const shownTools = (tools: FunctionToolFields['tools']): ShownTools => {
  const functions = (tools ?? []).filter((tool) => tool.type === 'function');
  const names = new Set(functions.map(({ name }) => name));
  const namespaces = new Map<string, string>();
  const leftOut: { readonly path: string; readonly message: string }[] = [];
  const leaveOut = (path: string, type: ExtraType): void => {
    leftOut.push({ path, message: `'${path}.type' '${type}' is not supported: ${EXTRA_TOOLS[type]}` });
  };
  for (const [index, tool] of (tools ?? []).entries()) {
    const path = `tools[${index}]`;
    if (tool.type === 'function') continue;
    if (tool.type !== 'namespace') {
      leaveOut(path, tool.type);
      continue;
    }
    for (const [place, inner] of tool.tools.entries()) {
      const at = `${path}.tools[${place}]`;
      if (inner.type === 'custom') leaveOut(at, inner.type);
      else if (names.has(inner.name)) {
        leftOut.push({ path: at, message: `there is another function '${inner.name}'; rename one of them` });
      } else {
        names.add(inner.name);
        namespaces.set(inner.name, tool.name);
        functions.push(inner);
      }
    }
  }
  const [first] = leftOut;
  if (first && functions.length === 0) {
    throw new GolekError('unsupported', first.message, { details: { path: `${first.path}.type` } });
  }
  return {
    functions,
    namespaces,
    warnings: leftOut.map(({ path, message }) => `the model is not shown '${path}': ${message}`),
  };
};

type ToolUse = Pick<Extract<GenerateRequest['input'], { type: 'chat' }>, 'tools' | 'toolChoice' | 'parallelToolCalls'>;

/** Throws `invalid_request` when `allowed_tools` names an unknown tool. */
export const readFunctionTools = (
  { tool_choice, parallel_tool_calls }: Omit<FunctionToolFields, 'tools'>,
  { functions }: ShownTools,
): ToolUse =>
  readTools({
    tools: functions.map(({ type, name, description, parameters, strict }) => ({
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

export const echoTools = ({ functions }: ShownTools): z.infer<typeof ToolEcho>[] =>
  functions.map(({ type, name, description, parameters, strict }) => ({
    type,
    name,
    description: description ?? null,
    parameters: parameters ?? null,
    strict: strict ?? null,
  }));
