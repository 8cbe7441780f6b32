import { GolekError, type Usage } from '@golek/api';
import type { AnswerIdentity } from './chat-completion.ts';
import { completionLogprobs } from './completion-logprobs.ts';
import type { CompletionAnswerOptions } from './completion-request.ts';
import { checkFinished, COMPLETION_FINISH_REASONS } from './finish-reason.ts';
import { SSE_DONE, sseWarning, type StreamEncoder } from './sse.ts';
import { usageTail } from './stream-usage.ts';

/** Writes chunks as text around constant parts that are made once: a delta costs one JSON string. */
export const completionStream = (
  { id, created }: AnswerIdentity,
  { choices, includeUsage, topLogprobs }: CompletionAnswerOptions,
): StreamEncoder => {
  let head = '';
  const tail = includeUsage ? ',"usage":null}\n\n' : '}\n\n';
  const deltaEnd = `,"logprobs":null,"finish_reason":null}]${tail}`;
  /** Where the next token of each choice starts in its text. */
  const offsets: number[] = [];
  let finished = 0;
  let usage: Usage | undefined;

  const chunk = (choice: number, text: string, end: string): string =>
    `${head}"choices":[{"index":${choice},"text":${JSON.stringify(text)}${end}`;

  return {
    encode: (event) => {
      switch (event.type) {
        case 'text': {
          if (!event.logprobs) return event.text === '' ? '' : chunk(event.choice, event.text, deltaEnd);
          const { logprobs, offset } = completionLogprobs(
            event.logprobs,
            offsets[event.choice] ?? 0,
            topLogprobs !== undefined && topLogprobs > 0,
          );
          offsets[event.choice] = offset;
          const end = `,"logprobs":${JSON.stringify(logprobs)},"finish_reason":null}]${tail}`;
          return chunk(event.choice, event.text, end);
        }
        case 'finish': {
          finished += 1;
          const reason = COMPLETION_FINISH_REASONS[event.reason];
          return chunk(event.choice, '', `,"logprobs":null,"finish_reason":"${reason}"}]${tail}`);
        }
        case 'start':
          head =
            `data: {"id":"cmpl-${id}","object":"text_completion","created":${created},` +
            `"model":${JSON.stringify(event.model)},`;
          return '';
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
