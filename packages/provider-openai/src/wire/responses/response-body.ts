import type { GenerateRequest, InferenceEvent } from '@golek/providers-spi';
import { asList, asObject } from '@golek/providers-spi/remote';
import type { Dialect } from '../../dialect.ts';
import type { WireRequest, WireSettings } from '../request-body.ts';
import { strictSchema } from '../strict-schema.ts';
import { conversationOf } from './conversation.ts';

type Fields = Record<string, unknown>;
type ChatInput = Extract<GenerateRequest['input'], { type: 'chat' }>;

const choiceOf = ({ toolChoice }: ChatInput): unknown =>
  toolChoice?.type === 'tool' ? { type: 'function', name: toolChoice.name } : toolChoice?.type;

/** A choice among no tools is refused, so it goes with tools only. */
const toolFields = (input: ChatInput): Fields =>
  input.tools?.length
    ? {
        tools: input.tools.map(({ name, description, parameters = null, strict = false }) => ({
          type: 'function',
          name,
          description,
          parameters,
          // The API's own default is true, which takes a part of JSON Schema only.
          strict,
        })),
        tool_choice: choiceOf(input),
        parallel_tool_calls: input.parallelToolCalls,
      }
    : {};

/** The API knows no thinking without an effort: `medium` stands for it. */
const effortOf = ({ reasoning }: ChatInput): string | undefined => {
  if (reasoning?.enabled === false) return 'none';
  return reasoning?.effort ?? (reasoning?.enabled ? 'medium' : undefined);
};

/** What an answer shows beside its text. Reasoning is proved where it is asked for: models without any refuse the word. */
const includedFor = ({ logprobs }: GenerateRequest, effort: string | undefined): readonly string[] => [
  ...(effort !== undefined && effort !== 'none' ? ['reasoning.encrypted_content'] : []),
  ...(logprobs ? ['message.output_text.logprobs'] : []),
];

const formatOf = ({ output }: GenerateRequest, { jsonBySchema }: Dialect): object | undefined => {
  if (output?.type === 'json-schema') return { type: 'json_schema', ...strictSchema(output.name, output.schema) };
  if (output?.type !== 'json') return undefined;
  return jsonBySchema
    ? { type: 'json_schema', ...strictSchema(undefined, { type: 'object' }) }
    : { type: 'json_object' };
};

/** Lists and objects of both are one, so that an added field of `reasoning` leaves the effort. */
const joined = (own: unknown, added: unknown): unknown => {
  if (Array.isArray(own) && Array.isArray(added)) return [...new Set([...asList(own), ...asList(added)])];
  const [ownFields, addedFields] = [asObject(own), asObject(added)];
  return ownFields && addedFields ? { ...ownFields, ...addedFields } : added;
};

const withExtra = (fields: Fields, extra: WireSettings['extra']): Fields => ({
  ...fields,
  ...Object.fromEntries(Object.entries(extra).map(([key, added]) => [key, joined(fields[key], added)])),
});

/**
 * The body of a generate request whose input is a chat, for the Responses API; fields without a value are left out by JSON. Nothing is stored there: the whole conversation
 * is sent each time. Adds warnings to the events.
 */
export const responseBody = (
  request: GenerateRequest,
  model: string,
  { dialect, stream, forwardUser, extra }: WireSettings,
  events: InferenceEvent[],
): WireRequest => {
  // Other inputs are refused before, by their option.
  const input = request.input as ChatInput;
  const { sampling, logprobs } = request;
  const effort = effortOf(input);
  const include = includedFor(request, effort);
  const format = formatOf(request, dialect);
  if (input.reasoning?.budgetTokens !== undefined) {
    events.push({ type: 'warning', message: 'a budget of reasoning is not sent: the Responses API has efforts only' });
  }
  const fields: Fields = {
    model,
    ...conversationOf(input.messages, events),
    ...toolFields(input),
    reasoning: effort !== undefined ? { effort } : undefined,
    text: format && { format },
    include: include.length > 0 ? include : undefined,
    temperature: sampling?.temperature,
    top_p: sampling?.topP,
    max_output_tokens: request.maxTokens,
    top_logprobs: logprobs && logprobs.top > 0 ? logprobs.top : undefined,
    user: forwardUser ? request.user : undefined,
    store: false,
    stream: stream || undefined,
  };
  return {
    path: '/responses',
    accept: stream ? 'text/event-stream' : 'application/json',
    body: JSON.stringify(withExtra(fields, extra)),
  };
};
