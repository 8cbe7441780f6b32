import type { CountRequest, GenerateRequest } from '@golek/api';
import { invalid, parseBody } from '../../request-body/parse-body.ts';
import { readLimit, readSampling, readStop, verbosityWarnings } from '../common-fields.ts';
import { readLlamaCppOptions } from '../llama-cpp-fields.ts';
import { conversationMessages } from './conversation.ts';
import { echoTools, readFunctionTools, shownTools, type ShownTools } from './function-tools.ts';
import { inputWarnings, type ResponseInput } from './input-params.ts';
import type { ConversationItem } from './items.ts';
import { InputTokensRequest, ResponseRequest, type PromptBody, type ResponseBody } from './response-body.ts';
import type { ResponseEcho } from './response-object.ts';
import { echoText, readTextConfig } from './text-config.ts';

type ChatInput = Extract<GenerateRequest['input'], { type: 'chat' }>;

/** A request whose conversation is not known yet: a part of it may be kept on the server. */
export interface ResponsePrompt {
  /** What is new in the conversation. */
  readonly input: ResponseInput;
  readonly instructions: string | undefined;
  readonly previousResponseId: string | undefined;
  readonly options: Omit<ChatInput, 'type' | 'messages'>;
  /** What of the request changes nothing. */
  readonly warnings: readonly string[];
}

export interface ResponseCall extends ResponsePrompt, Pick<ShownTools, 'namespaces'> {
  readonly generate: Omit<GenerateRequest, 'input'>;
  readonly stream: boolean;
  readonly store: boolean;
  readonly background: boolean;
  /** Show what proves reasoning to the service that made it. */
  readonly showProofs: boolean;
  /** What the response repeats of its request. */
  readonly echo: ResponseEcho;
}

const configWarnings = ({ text, reasoning }: PromptBody): string[] => {
  const summary = reasoning?.summary;
  return [
    ...verbosityWarnings('text.verbosity', text?.verbosity, "'instructions'"),
    ...(summary != null && summary !== 'auto'
      ? ["'reasoning.summary' changed nothing: reasoning is given whole, not summarised"]
      : []),
  ];
};

const readPrompt = (
  body: PromptBody,
  tools: ShownTools,
  templateOptions?: ResponseBody['chat_template_kwargs'],
): ResponsePrompt => {
  const effort = body.reasoning?.effort;
  return {
    input: body.input,
    instructions: body.instructions ?? undefined,
    previousResponseId: body.previous_response_id ?? undefined,
    options: {
      ...readFunctionTools(body, tools),
      ...(effort != null && { reasoning: effort === 'none' ? { enabled: false } : { effort } }),
      ...(templateOptions && Object.keys(templateOptions).length > 0 && { templateOptions }),
    },
    warnings: [...tools.warnings, ...configWarnings(body), ...inputWarnings(body.input)],
  };
};

const echoOf = (body: ResponseBody, tools: ShownTools, maxTokens: number | undefined): ResponseEcho => ({
  access_programs: null,
  background: body.background ?? false,
  instructions: body.instructions ?? null,
  max_output_tokens: maxTokens ?? null,
  max_tool_calls: null,
  metadata: body.metadata ?? {},
  parallel_tool_calls: body.parallel_tool_calls ?? true,
  previous_response_id: body.previous_response_id ?? null,
  prompt_cache_key: body.prompt_cache_key ?? null,
  reasoning: { effort: body.reasoning?.effort ?? null, summary: null },
  safety_identifier: body.safety_identifier ?? null,
  service_tier: 'default',
  store: body.store ?? true,
  temperature: body.temperature ?? null,
  text: echoText(body.text),
  tool_choice: body.tool_choice ?? 'auto',
  tools: echoTools(tools),
  top_logprobs: body.top_logprobs ?? 0,
  top_p: body.top_p ?? null,
  truncation: 'disabled',
  ...(body.user != null && { user: body.user }),
});

const LOGPROBS = 'message.output_text.logprobs';

const checkRelations = (body: ResponseBody): void => {
  const { background, store, stream, stream_options: options, top_logprobs: top, include } = body;
  if (top && !include?.includes(LOGPROBS)) {
    throw invalid('top_logprobs', `'top_logprobs' needs 'include': ['${LOGPROBS}']`);
  }
  if (options != null && !stream) {
    throw invalid('stream_options', "'stream_options' is for streams; send 'stream': true with it");
  }
  if (background && store === false) {
    throw invalid('background', "'background' needs 'store': its response is fetched later");
  }
};

/** Reads a body. Throws `invalid_request`, `unknown_parameter` or `unsupported`, with the parameter in `details.path`. */
export const readResponseRequest = (json: unknown): ResponseCall => {
  const body = parseBody(ResponseRequest, json);
  checkRelations(body);
  const { max_output_tokens, n_predict, include } = body;
  const { maxTokens } = readLimit({ max_output_tokens, n_predict });
  const sampling = readSampling(body);
  const output = readTextConfig(body.text, body.grammar);
  const stop = readStop(body.stop);
  const user = body.safety_identifier ?? body.user;
  const tools = shownTools(body.tools);
  return {
    ...readPrompt(body, tools, body.chat_template_kwargs),
    namespaces: tools.namespaces,
    generate: {
      task: 'generate',
      model: body.model,
      ...(user != null && { user }),
      ...(sampling && { sampling }),
      ...(output && { output }),
      ...(maxTokens !== undefined && { maxTokens }),
      ...(stop && { stop }),
      ...readLlamaCppOptions(body),
      ...(body.lora?.length && { adapters: body.lora }),
      ...(include?.includes(LOGPROBS) && { logprobs: { top: body.top_logprobs ?? 0 } }),
    },
    stream: body.stream ?? false,
    store: body.store ?? true,
    background: body.background ?? false,
    showProofs: include?.includes('reasoning.encrypted_content') ?? false,
    echo: echoOf(body, tools, maxTokens),
  };
};

/** Reads a body. Throws as `readResponseRequest`. */
export const readInputTokensRequest = (json: unknown): ResponsePrompt & { readonly model: string } => {
  const body = parseBody(InputTokensRequest, json);
  return { ...readPrompt(body, shownTools(body.tools)), model: body.model };
};

const chatInput = ({ instructions, options }: ResponsePrompt, items: readonly ConversationItem[]): ChatInput => {
  const messages = conversationMessages(items);
  if (messages.length === 0) throw invalid('input', "'input' is missing: expected a string or an array of items");
  if (instructions !== undefined) messages.unshift({ role: 'system', content: [{ type: 'text', text: instructions }] });
  return { type: 'chat', messages, ...options };
};

/** The canonical request, once its whole conversation is known. Throws `invalid_request` for an empty one. */
export const generateRequest = (call: ResponseCall, items: readonly ConversationItem[]): GenerateRequest => ({
  ...call.generate,
  input: chatInput(call, items),
});

/** Counts the tokens of the conversation. Throws as `generateRequest`. */
export const countRequest = (
  prompt: ResponsePrompt & { readonly model: string },
  items: readonly ConversationItem[],
): CountRequest => ({ task: 'count', model: prompt.model, input: chatInput(prompt, items) });
