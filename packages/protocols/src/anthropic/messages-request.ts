import { Sampling, type CountRequest, type GenerateRequest } from '@golek/api';
import { z } from 'zod';
import { ModelName } from '../openai/common-fields.ts';
import { invalid, parseBody } from '../request-body/parse-body.ts';
import { present } from '../request-body/present.ts';
import { limited, refused } from '../request-body/refusals.ts';
import { CacheControl } from './cache-control.ts';
import { ContextManagement, contextWarnings } from './context-management.ts';
import { MessageParam, readConversation, System } from './message-params.ts';
import { displayWarnings, OutputConfig, readFormat, readReasoningWish, Thinking } from './thinking.ts';
import { readTools, toolFields } from './tools.ts';

/** What makes a prompt; the same for an answer and for a count. */
const promptFields = {
  model: ModelName,
  messages: z.array(MessageParam).min(1),
  system: System,
  ...toolFields,
  thinking: Thinking,
  output_config: OutputConfig,
  output_format: refused("use 'output_config.format'"),
  cache_control: CacheControl,
  context_management: ContextManagement,
  mcp_servers: limited(
    z.array(z.never()).nullish(),
    "connect the client to the MCP servers and describe their tools in 'tools'",
  ),
  speed: limited(z.literal('standard').nullish(), "there is one speed; leave it out or send 'standard'"),
  user_profile_id: refused("use 'metadata.user_id'"),
  workspace_id: refused('there are no workspaces; leave it out'),
};

/** The body of POST /v1/messages: every parameter of Anthropic's. */
export const MessagesRequest = z
  .strictObject({
    ...promptFields,
    max_tokens: z.int().min(1),
    stop_sequences: z.array(z.string().min(1)).max(16).nullish(),
    stream: z.boolean().nullish(),
    temperature: Sampling.shape.temperature.nullable(),
    top_p: Sampling.shape.topP.nullable(),
    top_k: Sampling.shape.topK.nullable(),
    metadata: z.strictObject({ user_id: z.string().max(512).nullish() }).nullish(),
    service_tier: limited(z.enum(['auto', 'standard_only']).nullish(), 'there is one tier; leave it out'),
    thread: refused('conversations are not kept between requests; send the whole conversation'),
    container: refused('there are no containers; leave it out'),
    diagnostics: refused('why a prompt was not found in the cache is not told; leave it out'),
    inference_geo: refused('requests run where the model is; leave it out'),
  })
  .meta({ id: 'AnthropicMessagesRequest' });

/** The body of POST /v1/messages/count_tokens. */
export const CountTokensRequest = z.strictObject(promptFields).meta({ id: 'AnthropicCountTokensRequest' });

export interface MessagesCall {
  readonly request: GenerateRequest;
  readonly stream: boolean;
  /** What of the request changes nothing. */
  readonly warnings: readonly string[];
}

const readInput = (body: z.output<typeof CountTokensRequest>): Extract<GenerateRequest['input'], { type: 'chat' }> => ({
  type: 'chat',
  messages: readConversation(body.system, body.messages),
  ...readTools(body),
  ...readReasoningWish(body.thinking, body.output_config),
});

/** Reads a body. Throws `invalid_request`, `unknown_parameter` or `unsupported`, with the parameter in `details.path`. */
export const readMessagesRequest = (json: unknown): MessagesCall => {
  const body = parseBody(MessagesRequest, json);
  const { thinking, max_tokens: maxTokens, stop_sequences: stop, metadata } = body;
  if (thinking?.type === 'enabled' && thinking.budget_tokens >= maxTokens) {
    throw invalid(
      'thinking.budget_tokens',
      `'thinking.budget_tokens' is ${thinking.budget_tokens} and must be less than 'max_tokens', which is ${maxTokens}`,
    );
  }
  const sampling = present<Pick<Sampling, 'temperature' | 'topP' | 'topK'>>({
    temperature: body.temperature,
    topP: body.top_p,
    topK: body.top_k,
  });
  const output = readFormat(body.output_config);
  return {
    request: {
      task: 'generate',
      model: body.model,
      input: readInput(body),
      maxTokens,
      ...(metadata?.user_id != null && { user: metadata.user_id }),
      ...(sampling && { sampling }),
      ...(output && { output }),
      ...(stop && stop.length > 0 && { stop }),
    },
    stream: body.stream ?? false,
    warnings: [...contextWarnings(body.context_management), ...displayWarnings(thinking)],
  };
};

/** Reads a body. Throws as `readMessagesRequest`. */
export const readCountTokensRequest = (json: unknown): CountRequest => {
  const body = parseBody(CountTokensRequest, json);
  return { task: 'count', model: body.model, input: readInput(body) };
};
