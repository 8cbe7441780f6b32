import { z } from 'zod';
import { limited, refused, withoutVariants } from '../../request-body/refusals.ts';
import { asksForDetail, detailWarnings, FileId, ImageDetail, MediaUrl } from '../media-url.ts';

const cacheBreakpoint = refused('prompt prefixes are cached by their content; leave it out');
const fromFunction = { caller: limited(z.strictObject({ type: z.literal('direct') }).nullish(), 'leave it out') };
const namespace = z.string().max(128).nullish();
const Id = z.string().min(1).max(128).nullish();
const Status = z.enum(['in_progress', 'completed', 'incomplete']).nullish();

const InputText = z.strictObject({
  type: z.literal('input_text'),
  text: z.string(),
  prompt_cache_breakpoint: cacheBreakpoint,
});
const InputImage = z.strictObject({
  type: z.literal('input_image'),
  image_url: MediaUrl.nullish(),
  file_id: FileId.nullish(),
  detail: ImageDetail,
  prompt_cache_breakpoint: cacheBreakpoint,
});
export type ContentParam = z.output<typeof InputText> | z.output<typeof InputImage>;

const NO_FILES = {
  input_file: "send a picture as 'input_image', the content of another file as text",
  input_audio: 'models take text and images; send a transcript as text',
};

/** What the official client adds when it has parsed an answer is accepted, so that an answer can be sent back. */
const OutputText = z.strictObject({
  type: z.literal('output_text'),
  text: z.string(),
  annotations: limited(z.array(z.never()).nullish(), 'leave it out'),
  logprobs: z.array(z.unknown()).nullish(),
  parsed: z.unknown().optional(),
});
const Refusal = z.strictObject({ type: z.literal('refusal'), refusal: z.string(), parsed: z.unknown().optional() });

const MessagePart = withoutVariants(
  z.discriminatedUnion(
    'type',
    [InputText, InputImage, OutputText, Refusal],
    "expected 'input_text', 'input_image', 'output_text' or 'refusal'",
  ),
  NO_FILES,
);
export type MessagePart = z.output<typeof MessagePart>;

const MessageParam = z.strictObject({
  type: z.literal('message').optional(),
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content: z.union([z.string(), z.array(MessagePart)], 'expected a string or an array of content parts'),
  id: Id,
  status: Status,
  phase: z.enum(['commentary', 'final_answer']).nullish(),
});

export type MessageParam = z.output<typeof MessageParam>;

const FunctionCallParam = z.strictObject({
  type: z.literal('function_call'),
  call_id: z.string().min(1),
  name: z.string().min(1),
  arguments: z.string(),
  id: Id,
  status: Status,
  namespace,
  async: limited(z.literal(false).nullish(), 'functions are called by the client; leave it out'),
  parsed_arguments: z.unknown().optional(),
  ...fromFunction,
});

const FunctionOutputParam = z.strictObject({
  type: z.literal('function_call_output'),
  call_id: z.string().min(1),
  output: z.union(
    [
      z.string(),
      z.array(
        withoutVariants(
          z.discriminatedUnion('type', [InputText, InputImage], "expected 'input_text' or 'input_image'"),
          NO_FILES,
        ),
      ),
    ],
    'expected a string or an array of content parts',
  ),
  id: Id,
  status: Status,
  name: z.string().nullish(),
  namespace,
  ...fromFunction,
});

const ReasoningParam = z.strictObject({
  type: z.literal('reasoning'),
  id: Id,
  summary: z.array(z.strictObject({ type: z.literal('summary_text'), text: z.string() })).nullish(),
  content: z.array(z.strictObject({ type: z.literal('reasoning_text'), text: z.string() })).nullish(),
  encrypted_content: z.string().nullish(),
  status: Status,
});

const ItemReference = z.strictObject({ type: z.literal('item_reference'), id: z.string().min(1).max(128) });

const NO_HOSTED = 'there are no tools on the server; leave the item out';
const NO_CUSTOM = 'describe the tool as a function';
const InputItem = withoutVariants(
  z
    .discriminatedUnion(
      'type',
      [MessageParam, FunctionCallParam, FunctionOutputParam, ReasoningParam, ItemReference],
      "expected 'message', 'function_call', 'function_call_output', 'reasoning' or 'item_reference'",
    )
    .meta({ id: 'ResponseInputItem' }),
  {
    file_search_call: NO_HOSTED,
    web_search_call: NO_HOSTED,
    computer_call: NO_HOSTED,
    computer_call_output: NO_HOSTED,
    image_generation_call: NO_HOSTED,
    code_interpreter_call: NO_HOSTED,
    local_shell_call: NO_HOSTED,
    local_shell_call_output: NO_HOSTED,
    shell_call: NO_HOSTED,
    shell_call_output: NO_HOSTED,
    apply_patch_call: NO_HOSTED,
    apply_patch_call_output: NO_HOSTED,
    mcp_list_tools: NO_HOSTED,
    mcp_approval_request: NO_HOSTED,
    mcp_approval_response: NO_HOSTED,
    mcp_call: NO_HOSTED,
    tool_search_call: NO_HOSTED,
    tool_search_output: NO_HOSTED,
    program: NO_HOSTED,
    program_output: NO_HOSTED,
    custom_tool_call: NO_CUSTOM,
    custom_tool_call_output: NO_CUSTOM,
    additional_tools: "describe the tools in 'tools'",
    configuration_update: "say it in 'reasoning' and 'text'",
    compaction: 'conversations are not compacted here; send the items themselves',
    compaction_trigger: 'conversations are not compacted here; shorten them in the client',
  },
);

/** What a response is asked for: a text of the user, or items. */
export const ResponseInput = z
  .union([z.string(), z.array(InputItem)], 'expected a string or an array of items')
  .nullish();
export type ResponseInput = z.output<typeof ResponseInput>;

/** What of the input changes nothing. */
export const inputWarnings = (input: ResponseInput): string[] => {
  if (typeof input !== 'object') return [];
  for (const [index, item] of (input ?? []).entries()) {
    const key = item.type === 'function_call_output' ? 'output' : 'content';
    const parts = 'output' in item ? item.output : 'role' in item ? item.content : undefined;
    if (!Array.isArray(parts)) continue;
    const at = parts.findIndex((part) => part.type === 'input_image' && asksForDetail(part.detail));
    if (at >= 0) return detailWarnings(`input[${index}].${key}[${at}].detail`);
  }
  return [];
};
