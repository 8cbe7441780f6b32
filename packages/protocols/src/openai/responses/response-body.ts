import { TemplateOptions } from '@golek/api';
import { z } from 'zod';
import { limited, refused } from '../../request-body/refusals.ts';
import { Metadata } from '../chat-request.ts';
import {
  Grammar,
  Lora,
  MaxTokens,
  ModelName,
  samplingFields,
  serviceFields,
  Stop,
  TopLogprobs,
} from '../common-fields.ts';
import { functionToolFields } from './function-tools.ts';
import { ResponseInput } from './input-params.ts';
import { TextConfig } from './text-config.ts';

const Include = limited(
  z
    .array(z.enum(['message.output_text.logprobs', 'reasoning.encrypted_content', 'message.input_image.image_url']))
    .max(16)
    .nullish(),
  'answers have no such part; leave it out',
);

const Reasoning = z
  .strictObject({
    effort: z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']).nullish(),
    summary: z
      .enum(['auto', 'concise', 'detailed'])
      .nullish()
      .describe('Taken and told: reasoning is given whole, not summarised.'),
    generate_summary: refused('reasoning is given whole, not summarised; leave it out'),
    context: limited(z.enum(['auto', 'all_turns']).nullish(), 'the template of the model decides; leave it out'),
    mode: limited(z.literal('standard').nullish(), "there is one mode; leave it out or send 'standard'"),
  })
  .nullish();

const ClientMetadata = z
  .record(z.string(), z.unknown())
  .nullish()
  .describe('Taken and not needed: what Codex tells of itself with each request.');

/** What makes a prompt; the same for an answer and for a count. */
const promptFields = {
  model: ModelName,
  input: ResponseInput,
  instructions: z.string().nullish(),
  previous_response_id: z.string().min(1).max(128).nullish(),
  conversation: refused("conversations are not kept as such; use 'previous_response_id'"),
  ...functionToolFields,
  text: TextConfig,
  reasoning: Reasoning,
  truncation: limited(
    z.literal('disabled').nullish(),
    "a conversation is not cut for a request; leave it out, or give the model 'contextOverflow: shift'",
  ),
};

/** The body of POST /v1/responses: every parameter of OpenAI's, and Golek's extensions. */
export const ResponseRequest = z
  .strictObject({
    ...promptFields,
    ...samplingFields,
    max_output_tokens: MaxTokens,
    top_logprobs: TopLogprobs,
    include: Include,
    store: z.boolean().nullish(),
    background: z.boolean().nullish(),
    stream: z.boolean().nullish(),
    stream_options: z
      .strictObject({
        include_obfuscation: limited(z.literal(false).nullish(), 'events are sent without padding; leave it out'),
      })
      .nullish(),
    metadata: Metadata,
    client_metadata: ClientMetadata,
    ...serviceFields,
    max_tool_calls: refused('there are no tools on the server, whose calls it limits; leave it out'),
    prompt: refused("templates are not kept; send 'instructions' and 'input'"),
    moderation: refused('there is no moderation model; leave it out'),
    context_management: refused('conversations are not compacted; shorten them in the client'),
    access_programs: refused('there are none; leave it out'),
    image: refused('images are read as the model does; leave it out'),
    stop: Stop.describe('Extension. The answer ends before the first of these.'),
    grammar: Grammar.describe("Extension. A grammar in GBNF, llama.cpp's notation."),
    lora: Lora,
    chat_template_kwargs: TemplateOptions.nullish().describe("Extension. Variables for the model's chat template."),
  })
  .meta({ id: 'ResponseRequest' });
export type ResponseBody = z.output<typeof ResponseRequest>;

/** The body of POST /v1/responses/input_tokens. */
export const InputTokensRequest = z
  .strictObject({ ...promptFields, personality: refused("say it in 'instructions'") })
  .meta({ id: 'ResponseInputTokensRequest' });
export type PromptBody = Pick<ResponseBody, keyof typeof promptFields>;
