import { z } from 'zod';
import { ChatLogprobs } from '../token-logprobs.ts';
import { OutputItem, OutputPart } from './items.ts';
import { ResponseObject } from './response-object.ts';

const sequence_number = z.int();
const item = { sequence_number, item_id: z.string(), output_index: z.int() };
const part = { ...item, content_index: z.int() };
const logprobs = ChatLogprobs.shape.content;

/** What `data:` of a streamed response carries; `event:` repeats its `type`. */
export const ResponseStreamEvent = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.enum([
        'response.created',
        'response.in_progress',
        'response.completed',
        'response.incomplete',
        'response.failed',
      ]),
      sequence_number,
      response: ResponseObject,
    }),
    z.strictObject({
      type: z.enum(['response.output_item.added', 'response.output_item.done']),
      sequence_number,
      output_index: z.int(),
      item: OutputItem,
    }),
    z.strictObject({
      type: z.enum(['response.content_part.added', 'response.content_part.done']),
      ...part,
      part: OutputPart,
    }),
    z.strictObject({ type: z.literal('response.output_text.delta'), ...part, delta: z.string(), logprobs }),
    z.strictObject({ type: z.literal('response.output_text.done'), ...part, text: z.string(), logprobs }),
    z.strictObject({ type: z.literal('response.reasoning_text.delta'), ...part, delta: z.string() }),
    z.strictObject({ type: z.literal('response.reasoning_text.done'), ...part, text: z.string() }),
    z.strictObject({ type: z.literal('response.function_call_arguments.delta'), ...item, delta: z.string() }),
    z.strictObject({ type: z.literal('response.function_call_arguments.done'), ...item, arguments: z.string() }),
    z.strictObject({
      type: z.literal('error'),
      sequence_number,
      code: z.string(),
      message: z.string(),
      param: z.string().nullable(),
    }),
  ])
  .meta({ id: 'ResponseStreamEvent' });
