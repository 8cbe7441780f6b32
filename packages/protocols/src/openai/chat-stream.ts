import { GolekError, type InferenceEvent, type Usage } from '@golek/api';
import { z } from 'zod';
import { ChatFinishReason, type AnswerIdentity } from './chat-completion.ts';
import type { ChatAnswerOptions } from './chat-request.ts';
import { CompletionUsage } from './completion-usage.ts';
import { CHAT_FINISH_REASONS, checkFinished } from './finish-reason.ts';
import { usageTail } from './stream-usage.ts';
import { SSE_DONE, sseWarning, type StreamEncoder } from './sse.ts';
import { ChatLogprobs, chatLogprobs } from './token-logprobs.ts';

/** One chunk of a streamed answer: what `data:` carries. */
export const ChatCompletionChunk = z
  .strictObject({
    id: z.string(),
    object: z.literal('chat.completion.chunk'),
    created: z.int(),
    model: z.string(),
    service_tier: z.literal('default').exactOptional(),
    choices: z.array(
      z.strictObject({
        index: z.int(),
        delta: z.strictObject({
          role: z.literal('assistant').exactOptional(),
          content: z.string().nullable().exactOptional(),
          refusal: z.null().exactOptional(),
          reasoning_content: z.string().exactOptional(),
          tool_calls: z
            .array(
              z.strictObject({
                index: z.int(),
                id: z.string().exactOptional(),
                type: z.literal('function').exactOptional(),
                function: z.strictObject({ name: z.string().exactOptional(), arguments: z.string() }),
              }),
            )
            .exactOptional(),
        }),
        logprobs: ChatLogprobs.nullable(),
        finish_reason: ChatFinishReason.nullable(),
      }),
    ),
    usage: CompletionUsage.nullable().exactOptional(),
  })
  .meta({ id: 'ChatCompletionChunk' });

type ToolCallEvent = Extract<InferenceEvent, { type: 'tool-call' }>;

const toolCallDelta = ({ index, id, name, arguments: text }: ToolCallEvent): string => {
  const start = id === undefined ? '' : `"id":${JSON.stringify(id)},"type":"function",`;
  const named = name === undefined ? '' : `"name":${JSON.stringify(name)},`;
  return `{"tool_calls":[{"index":${index},${start}"function":{${named}"arguments":${JSON.stringify(text)}}}]}`;
};

/**
 * Writes chunks as text around constant parts that are made once: a delta costs one JSON string. The first chunk of an answer has its
 * role, as clients expect.
 */
export const chatStream = (
  { id, created }: AnswerIdentity,
  { choices, includeUsage, showTier }: ChatAnswerOptions,
): StreamEncoder => {
  let head = '';
  const tail = includeUsage ? ',"usage":null}\n\n' : '}\n\n';
  const deltaEnd = `,"logprobs":null,"finish_reason":null}]${tail}`;
  /** Start of each choice's chunks, up to the delta; present once its role has been sent. */
  const opened: (string | undefined)[] = [];
  let finished = 0;
  let usage: Usage | undefined;

  const open = (choice: number, content: '""' | 'null'): string => {
    const start = `${head}"choices":[{"index":${choice},"delta":`;
    opened[choice] = start;
    return `${start}{"role":"assistant","content":${content},"refusal":null}${deltaEnd}`;
  };
  const chunk = (choice: number, content: '""' | 'null', delta: string, end: string): string => {
    const start = opened[choice];
    if (start !== undefined) return start + delta + end;
    const role = open(choice, content);
    return role + (opened[choice] ?? '') + delta + end;
  };

  return {
    encode: (event) => {
      switch (event.type) {
        case 'text': {
          if (event.text === '' && !event.logprobs) return '';
          const end = event.logprobs
            ? `,"logprobs":${JSON.stringify(chatLogprobs(event.logprobs))},"finish_reason":null}]${tail}`
            : deltaEnd;
          return chunk(event.choice, '""', `{"content":${JSON.stringify(event.text)}}`, end);
        }
        case 'reasoning':
          return chunk(event.choice, 'null', `{"reasoning_content":${JSON.stringify(event.text)}}`, deltaEnd);
        case 'tool-call':
          return chunk(event.choice, 'null', toolCallDelta(event), deltaEnd);
        case 'finish': {
          finished += 1;
          const reason = CHAT_FINISH_REASONS[event.reason];
          return chunk(event.choice, '""', '{}', `,"logprobs":null,"finish_reason":"${reason}"}]${tail}`);
        }
        case 'start': {
          const tier = showTier ? '"service_tier":"default",' : '';
          head =
            `data: {"id":"chatcmpl-${id}","object":"chat.completion.chunk","created":${created},` +
            `"model":${JSON.stringify(event.model)},${tier}`;
          return '';
        }
        case 'usage':
          usage = event.usage;
          return '';
        case 'warning':
          return sseWarning(event.message);
        case 'error':
          throw GolekError.fromData(event.error);
        default:
          return '';
      }
    },
    end: () => {
      checkFinished(finished, choices);
      return (includeUsage ? usageTail(head, usage) : '') + SSE_DONE;
    },
  };
};
