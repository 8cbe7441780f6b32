import { JsonSchema, type Tool, type ToolChoice } from '@golek/api';
import { z } from 'zod';
import { limited, refused } from '../request-body/refusals.ts';
import { CacheControl } from './cache-control.ts';

const OWN_TOOL = "tools that the service brings are not offered; describe one of your own with 'input_schema'";

const AnthropicTool = z
  .strictObject({
    type: limited(z.literal('custom').nullish(), OWN_TOOL),
    name: z.string().min(1).max(128),
    description: z.string().nullish(),
    input_schema: JsonSchema,
    strict: z.boolean().nullish(),
    input_examples: refused("put examples into the 'description'"),
    allowed_callers: limited(z.array(z.literal('direct')).nullish(), 'only the model itself calls tools; leave it out'),
    defer_loading: z.boolean().nullish().describe('Taken and not needed: every tool is shown to the model.'),
    eager_input_streaming: z
      .boolean()
      .nullish()
      .describe('Taken and not needed: arguments are always streamed as the model writes them.'),
    cache_control: CacheControl,
  })
  .meta({ id: 'AnthropicTool' });

const parallel = { disable_parallel_tool_use: z.boolean().nullish() };

export const toolFields = {
  tools: z.array(AnthropicTool).nullish(),
  tool_choice: z
    .discriminatedUnion(
      'type',
      [
        z.strictObject({ type: z.literal('auto'), ...parallel }),
        z.strictObject({ type: z.literal('any'), ...parallel }),
        z.strictObject({ type: z.literal('tool'), name: z.string().min(1), ...parallel }),
        z.strictObject({ type: z.literal('none') }),
      ],
      "expected 'auto', 'any', 'tool' or 'none'",
    )
    .nullish(),
};
type ToolFields = z.output<z.ZodObject<typeof toolFields>>;

const readTool = ({ name, description, input_schema, strict }: z.output<typeof AnthropicTool>): Tool => ({
  name,
  ...(description != null && { description }),
  parameters: input_schema,
  ...(strict != null && { strict }),
});

interface ToolUse {
  tools?: Tool[];
  toolChoice?: ToolChoice;
  parallelToolCalls?: boolean;
}

const readChoice = (choice: NonNullable<ToolFields['tool_choice']>): ToolChoice => {
  switch (choice.type) {
    case 'any':
      return { type: 'required' };
    case 'tool':
      return { type: 'tool', name: choice.name };
    default:
      return { type: choice.type };
  }
};

export const readTools = ({ tools, tool_choice: choice }: ToolFields): ToolUse => {
  const single = choice && choice.type !== 'none' ? choice.disable_parallel_tool_use : undefined;
  return {
    ...(tools && tools.length > 0 && { tools: tools.map(readTool) }),
    ...(choice && { toolChoice: readChoice(choice) }),
    ...(single != null && { parallelToolCalls: !single }),
  };
};
