import { ERROR_CODES, type GolekError, type Usage } from '@golek/api';
import { z } from 'zod';
import { ToolChoiceEcho, ToolEcho } from './function-tools.ts';
import { OutputItem } from './items.ts';
import { TextEcho } from './text-config.ts';

const ResponseUsage = z.strictObject({
  input_tokens: z.int(),
  input_tokens_details: z.strictObject({ cached_tokens: z.int(), cache_write_tokens: z.int() }),
  output_tokens: z.int(),
  output_tokens_details: z.strictObject({ reasoning_tokens: z.int() }),
  total_tokens: z.int(),
});

/** What a response repeats of its request. */
const echoFields = {
  access_programs: z.null(),
  background: z.boolean(),
  instructions: z.string().nullable(),
  max_output_tokens: z.int().nullable(),
  max_tool_calls: z.null(),
  metadata: z.record(z.string(), z.string()),
  parallel_tool_calls: z.boolean(),
  previous_response_id: z.string().nullable(),
  prompt_cache_key: z.string().nullable(),
  reasoning: z.strictObject({
    effort: z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']).nullable(),
    summary: z.null(),
  }),
  safety_identifier: z.string().nullable(),
  service_tier: z.literal('default'),
  store: z.boolean(),
  temperature: z.number().nullable(),
  text: TextEcho,
  tool_choice: ToolChoiceEcho,
  tools: z.array(ToolEcho),
  top_logprobs: z.int(),
  top_p: z.number().nullable(),
  truncation: z.literal('disabled'),
  user: z.string().exactOptional(),
};
export type ResponseEcho = z.infer<z.ZodObject<typeof echoFields>>;

export const ResponseStatus = z.enum(['queued', 'in_progress', 'completed', 'incomplete', 'failed', 'cancelled']);
export type ResponseStatus = z.infer<typeof ResponseStatus>;

/** A response, as it is answered, streamed and kept. `warnings` is an extension, present when there are any. */
export const ResponseObject = z
  .strictObject({
    id: z.string(),
    object: z.literal('response'),
    created_at: z.int(),
    completed_at: z.int().nullable(),
    status: ResponseStatus,
    error: z
      .strictObject({
        code: z.enum(['server_error', 'rate_limit_exceeded', 'invalid_prompt']),
        message: z.string(),
        type: z.enum(ERROR_CODES as [string, ...string[]]),
      })
      .nullable(),
    incomplete_details: z.strictObject({ reason: z.enum(['max_output_tokens', 'content_filter']) }).nullable(),
    model: z.string(),
    output: z.array(OutputItem),
    usage: ResponseUsage.exactOptional(),
    ...echoFields,
    warnings: z.array(z.string()).exactOptional(),
  })
  .meta({ id: 'Response' });
export type ResponseObject = z.infer<typeof ResponseObject>;

/** Clients read the details without a look whether they are there: 0 stands for what the engine does not tell, too. */
export const responseUsage = (usage: Usage): z.infer<typeof ResponseUsage> => ({
  input_tokens: usage.promptTokens,
  input_tokens_details: {
    cached_tokens: usage.cachedPromptTokens ?? 0,
    cache_write_tokens: usage.cacheWritePromptTokens ?? 0,
  },
  output_tokens: usage.completionTokens,
  output_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
  total_tokens: usage.promptTokens + usage.completionTokens,
});

/** The API has few codes for failures: `type` is that of Golek's catalogue. */
export const responseError = ({ code, status, message }: GolekError): NonNullable<ResponseObject['error']> => ({
  code: status === 429 ? 'rate_limit_exceeded' : status < 500 ? 'invalid_prompt' : 'server_error',
  message,
  type: code,
});
