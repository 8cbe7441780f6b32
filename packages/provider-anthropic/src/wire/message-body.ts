import type { CountRequest, GenerateRequest, InferenceEvent } from '@golek/providers-spi';
import type { RunRequest } from '@golek/providers-spi/remote';
import type { AnthropicModelOptions, ResolvedOptions } from '../options.ts';
import { conversationOf } from './conversation.ts';

/** How an upstream wants to be asked. */
export interface WireSettings
  extends
    Pick<ResolvedOptions, 'stream' | 'forwardUser'>,
    Required<Pick<AnthropicModelOptions, 'maxTokens' | 'thinking' | 'cache' | 'body'>> {}

type Fields = Record<string, unknown>;
type ChatInput = Extract<GenerateRequest['input'], { type: 'chat' }>;

/** A request whose body is JSON text. */
type WireRequest = RunRequest & { readonly body: string };

/** The least budget that the API takes. */
const LEAST_BUDGET = 1024;

const choiceOf = ({ toolChoice, parallelToolCalls }: ChatInput): object | undefined => {
  const single = parallelToolCalls === false ? { disable_parallel_tool_use: true } : {};
  switch (toolChoice?.type) {
    case 'none':
      return { type: 'none' };
    case 'required':
      return { type: 'any', ...single };
    case 'tool':
      return { type: 'tool', name: toolChoice.name, ...single };
    default:
      return toolChoice || parallelToolCalls === false ? { type: 'auto', ...single } : undefined;
  }
};

/** A choice among no tools is refused, so it goes with tools only. */
const toolFields = (input: ChatInput): Fields =>
  input.tools?.length
    ? {
        tools: input.tools.map(({ name, description, parameters, strict }) => ({
          name,
          description,
          input_schema: { type: 'object', ...parameters },
          strict,
        })),
        tool_choice: choiceOf(input),
      }
    : {};

const thinkingOf = ({ reasoning }: ChatInput, maxTokens: number, { thinking }: WireSettings): object | undefined => {
  const { enabled, budgetTokens } = reasoning ?? {};
  if (enabled === undefined) return undefined;
  if (!enabled) return { type: 'disabled' };
  if (budgetTokens === undefined && thinking === 'adaptive') return { type: 'adaptive' };
  const budget = budgetTokens ?? Math.floor(maxTokens / 2);
  return { type: 'enabled', budget_tokens: Math.max(LEAST_BUDGET, budget) };
};

const promptFields = (input: ChatInput, events: InferenceEvent[]): Fields => {
  const { system, messages } = conversationOf(input.messages, events);
  return { ...(system.length > 0 && { system }), messages, ...toolFields(input) };
};

const outputConfig = ({ input, output }: GenerateRequest): object | undefined => {
  const effort = input.type === 'chat' ? input.reasoning?.effort : undefined;
  if (effort === undefined && output?.type !== 'json-schema') return undefined;
  return {
    // The API has nothing below `low`.
    effort: effort === 'minimal' ? 'low' : effort,
    ...(output?.type === 'json-schema' && { format: { type: 'json_schema', schema: output.schema } }),
  };
};

const cacheOf = ({ cache }: WireSettings): Fields =>
  cache === 'off' ? {} : { cache_control: { type: 'ephemeral', ttl: cache } };

/** The body of a generate request whose input is a chat; fields without a value are left out by JSON. Adds warnings to the events. */
export const messageBody = (
  request: GenerateRequest,
  model: string,
  settings: WireSettings,
  events: InferenceEvent[],
): WireRequest => {
  // Other inputs are refused before, by their option.
  const input = request.input as ChatInput;
  const { stream, forwardUser, body } = settings;
  const { sampling, maxTokens = settings.maxTokens } = request;
  return {
    path: '/messages',
    accept: stream ? 'text/event-stream' : 'application/json',
    body: JSON.stringify({
      model,
      max_tokens: maxTokens,
      ...promptFields(input, events),
      thinking: thinkingOf(input, maxTokens, settings),
      output_config: outputConfig(request),
      temperature: sampling?.temperature,
      top_p: sampling?.topP,
      top_k: sampling?.topK,
      stop_sequences: request.stop,
      metadata: forwardUser && request.user !== undefined ? { user_id: request.user } : undefined,
      ...cacheOf(settings),
      stream: stream || undefined,
      ...body,
    }),
  };
};

/** The body of a count: what is said and offered, nothing about the answer but its thinking. */
export const countBody = (
  { input: given }: CountRequest,
  model: string,
  settings: WireSettings,
  events: InferenceEvent[],
): WireRequest => {
  const input = given as ChatInput;
  return {
    path: '/messages/count_tokens',
    accept: 'application/json',
    body: JSON.stringify({
      model,
      ...promptFields(input, events),
      thinking: thinkingOf(input, settings.maxTokens, settings),
    }),
  };
};
