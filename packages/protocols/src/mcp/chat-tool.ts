import {
  FinishReason,
  GolekError,
  JsonSchema,
  Sampling,
  type GenerateRequest,
  type InferenceResult,
  type Message,
} from '@golek/api';
import { z } from 'zod';
import type { WireParams } from '../openai/wire-params.ts';
import { invalid, parseBody } from '../request-body/parse-body.ts';
import { present } from '../request-body/present.ts';
import { ChatMessage, readMessage } from './chat-messages.ts';
import { countedUsage, OptionalModel, RUNS_A_MODEL, Warnings } from './common-fields.ts';
import type { ToolDefinition } from './tool-definition.ts';

/** Most turns of one call. */
const MAX_MESSAGES = 2048;

export const ChatArguments = z.strictObject({
  model: OptionalModel,
  prompt: z.string().min(1).optional().describe("What to answer; in place of 'messages'."),
  messages: z
    .array(ChatMessage)
    .min(1)
    .max(MAX_MESSAGES)
    .optional()
    .describe("A conversation to go on with; in place of 'prompt'."),
  system: z.string().min(1).optional().describe('What the model is told first: who it is, how it shall answer.'),
  max_tokens: z.int().min(1).optional().describe('Most tokens of the answer. Default: until the model stops.'),
  temperature: Sampling.shape.temperature.describe('0 always takes the likeliest token.'),
  top_p: Sampling.shape.topP,
  top_k: Sampling.shape.topK,
  seed: Sampling.shape.seed,
  stop: z.array(z.string().min(1)).max(16).optional().describe('The answer ends before the first of these.'),
  response_schema: JsonSchema.optional().describe('JSON Schema that the answer is made to match.'),
});

export const ChatOutput = z.strictObject({
  model: z.string().describe('The model that answered.'),
  text: z.string(),
  json: z
    .unknown()
    .optional()
    .describe("The answer as a value, where 'response_schema' was given and the answer is complete."),
  reasoning: z.string().optional().describe('What the model thought before it answered.'),
  finish_reason: FinishReason.describe("'length' when a token limit cut the answer."),
  stop: z.string().optional().describe('The text that ended the answer, when one did.'),
  usage: z.strictObject({
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    total_tokens: z.int(),
    cached_tokens: z.int().optional().describe('Prompt tokens that were not computed again.'),
  }),
  warnings: Warnings,
});
export type ChatOutput = z.infer<typeof ChatOutput>;

export const CHAT_TOOL: ToolDefinition = {
  name: 'chat',
  title: 'Ask a model',
  description:
    "Ask a language model of this server. Give 'prompt', or 'messages' for a conversation. " +
    "With a progress token the answer's text comes in pieces, as the messages of progress notifications.",
  scope: 'inference',
  input: ChatArguments,
  output: ChatOutput,
  annotations: RUNS_A_MODEL,
};

/** Names of canonical options among the arguments, for errors. */
export const CHAT_TOOL_PARAMS: WireParams = {
  'sampling.temperature': 'temperature',
  'sampling.topP': 'top_p',
  'sampling.topK': 'top_k',
  'sampling.seed': 'seed',
  'output.json-schema': 'response_schema',
  'input.chat': 'messages',
  'input.image': 'image',
  maxTokens: 'max_tokens',
  stop: 'stop',
  prompt: 'messages',
};

const messagesOf = ({ prompt, messages, system }: z.output<typeof ChatArguments>): Message[] => {
  if (prompt !== undefined && messages) throw invalid('prompt', "'prompt' and 'messages' exclude each other; give one");
  if (prompt === undefined && !messages) throw invalid('prompt', "'prompt' is missing; give it, or 'messages'");
  const turns = messages?.map(readMessage) ?? [readMessage({ role: 'user', content: prompt ?? '' })];
  return system === undefined ? turns : [readMessage({ role: 'system', content: system }), ...turns];
};

/**
 * Reads the arguments; `defaultModel` is asked where they name none. Throws `invalid_request` or `unknown_parameter`, with the argument in
 * `details.path`.
 */
export const readChatArguments = (given: unknown, defaultModel: () => string): GenerateRequest => {
  const args = parseBody(ChatArguments, given);
  const messages = messagesOf(args);
  const sampling = present<Pick<Sampling, 'temperature' | 'topP' | 'topK' | 'seed'>>({
    temperature: args.temperature,
    topP: args.top_p,
    topK: args.top_k,
    seed: args.seed,
  });
  return {
    task: 'generate',
    model: args.model ?? defaultModel(),
    input: { type: 'chat', messages },
    ...(sampling && { sampling }),
    ...(args.response_schema && { output: { type: 'json-schema', schema: args.response_schema } }),
    ...(args.max_tokens !== undefined && { maxTokens: args.max_tokens }),
    ...(args.stop?.length && { stop: args.stop }),
  };
};

/** A cut answer is no JSON; the text still shows how far it came. */
const valueOf = (text: string): { readonly json?: unknown } => {
  try {
    return { json: JSON.parse(text) as unknown };
  } catch {
    return {};
  }
};

/** Throws `provider_failed` when the answer or its token counts are missing. */
export const chatOutput = (result: InferenceResult, { output }: GenerateRequest): ChatOutput => {
  const { choices, model, warnings } = result;
  const { promptTokens, completionTokens, cachedPromptTokens } = countedUsage(result.usage);
  const [choice] = choices;
  if (!choice) throw new GolekError('provider_failed', 'the provider gave no answer');
  const { text, reasoning, finish, stop } = choice;
  return {
    model,
    text,
    ...(output?.type === 'json-schema' && finish === 'stop' && valueOf(text)),
    ...(reasoning !== '' && { reasoning }),
    finish_reason: finish,
    ...(stop !== undefined && { stop }),
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
      ...(cachedPromptTokens !== undefined && { cached_tokens: cachedPromptTokens }),
    },
    ...(warnings.length > 0 && { warnings }),
  };
};
