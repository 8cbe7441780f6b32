import { TemplateOptions, type GenerateRequest } from '@golek/api';
import { z } from 'zod';
import { ChatMessage, messageWarnings, readMessages } from './chat-messages.ts';
import { readTools, toolFields } from './chat-tools.ts';
import {
  Choices,
  Grammar,
  Lora,
  MaxTokens,
  ModelName,
  OldMaxTokens,
  readLimit,
  readSampling,
  readStop,
  samplingFields,
  Stop,
  TopLogprobs,
  serviceFields,
  Verbosity,
  verbosityWarnings,
} from './common-fields.ts';
import { readLlamaCppOptions } from './llama-cpp-fields.ts';
import { invalid, parseBody } from '../request-body/parse-body.ts';
import { limited, refused } from '../request-body/refusals.ts';
import { readOutput, ResponseFormat } from './response-format.ts';
import { readIncludeUsage, Stream, StreamOptions, streamWarnings } from './stream-options.ts';
import { CHAT_PARAMS, NEW_LIMIT_CHAT_PARAMS, type WireParams } from './wire-params.ts';

export const Metadata = z
  .record(z.string().max(64), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= 16, 'expected at most 16 pairs')
  .nullish();

/** The body of POST /v1/chat/completions: every parameter of OpenAI's, and Golek's extensions. */
export const ChatRequest = z
  .strictObject({
    model: ModelName,
    messages: z.array(ChatMessage).min(1),
    ...samplingFields,
    ...toolFields,
    n: Choices,
    stop: Stop,
    max_tokens: OldMaxTokens,
    max_completion_tokens: MaxTokens,
    logprobs: z.boolean().nullish(),
    top_logprobs: TopLogprobs,
    response_format: ResponseFormat,
    grammar: Grammar.describe("Extension. A grammar in GBNF, llama.cpp's notation."),
    lora: Lora,
    stream: Stream,
    stream_options: StreamOptions,
    ...serviceFields,
    metadata: Metadata,
    store: z.boolean().nullish().describe('Taken and told: answers are not stored.'),
    modalities: limited(z.array(z.literal('text')).nullish(), 'answers are text; leave it out'),
    verbosity: Verbosity,
    audio: refused('answers are text; leave it out'),
    functions: refused("describe them in 'tools'"),
    function_call: refused("use 'tool_choice'"),
    moderation: refused('there is no moderation model; leave it out'),
    prediction: refused('predicted outputs are not used; leave it out'),
    reasoning_effort: z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']).nullish(),
    reasoning_format: limited(
      z.enum(['auto', 'deepseek']).nullish(),
      "reasoning is always apart from the content, in 'reasoning_content'; leave it out",
    ),
    chat_template_kwargs: TemplateOptions.nullish().describe("Extension. Variables for the model's chat template."),
    web_search_options: refused('offer a search function in tools instead'),
  })
  .meta({ id: 'ChatCompletionRequest' });
type ChatRequest = z.output<typeof ChatRequest>;
type ChatInput = Extract<GenerateRequest['input'], { type: 'chat' }>;

/** What of a chat request is about its answer's form. */
export interface ChatAnswerOptions {
  /** Answers asked for. */
  readonly choices: number;
  /** Send the token counts in a last chunk. */
  readonly includeUsage: boolean;
  /** Name the tier in the answer, as OpenAI does when the request named one. */
  readonly showTier: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ChatCall extends ChatAnswerOptions {
  readonly request: GenerateRequest;
  readonly stream: boolean;
  /** Names of the parameters, for errors. */
  readonly params: WireParams;
  /** What of the request changes nothing. */
  readonly warnings: readonly string[];
}

/** How much the model shall think, and the variables of its template. */
const readThinking = (body: ChatRequest): Pick<ChatInput, 'reasoning' | 'templateOptions'> => {
  const { reasoning_effort: effort, chat_template_kwargs: options } = body;
  return {
    ...(effort != null && { reasoning: effort === 'none' ? { enabled: false } : { effort } }),
    ...(options && Object.keys(options).length > 0 && { templateOptions: options }),
  };
};

/** Reads a body. Throws `invalid_request`, `unknown_parameter` or `unsupported`, with the parameter in `details.path`. */
export const readChatRequest = (json: unknown): ChatCall => {
  const body = parseBody(ChatRequest, json);
  if (body.top_logprobs != null && !body.logprobs) {
    throw invalid('top_logprobs', "'top_logprobs' needs 'logprobs': true");
  }
  const sampling = readSampling(body);
  const output = readOutput(body.response_format, body.grammar);
  const { max_tokens, max_completion_tokens, n_predict } = body;
  const { maxTokens } = readLimit({ max_tokens, max_completion_tokens, n_predict });
  const stop = readStop(body.stop);
  const user = body.safety_identifier ?? body.user;
  const choices = body.n ?? 1;
  return {
    request: {
      task: 'generate',
      model: body.model,
      input: { type: 'chat', messages: readMessages(body.messages), ...readTools(body), ...readThinking(body) },
      ...(user != null && { user }),
      ...(sampling && { sampling }),
      ...(output && { output }),
      ...(maxTokens !== undefined && { maxTokens }),
      ...(stop && { stop }),
      ...readLlamaCppOptions(body),
      ...(body.lora?.length && { adapters: body.lora }),
      ...(choices > 1 && { choices }),
      ...(body.logprobs && { logprobs: { top: body.top_logprobs ?? 0 } }),
    },
    stream: body.stream ?? false,
    choices,
    includeUsage: readIncludeUsage(body),
    showTier: body.service_tier != null,
    params: body.max_completion_tokens == null ? CHAT_PARAMS : NEW_LIMIT_CHAT_PARAMS,
    warnings: [
      ...(body.store ? ["'store' changed nothing: answers are not stored; the Responses API stores them"] : []),
      ...verbosityWarnings('verbosity', body.verbosity, 'the system message'),
      ...streamWarnings(body.stream_options),
      ...messageWarnings(body.messages),
    ],
    ...(body.metadata && { metadata: body.metadata }),
  };
};
