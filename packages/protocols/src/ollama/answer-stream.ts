import { GolekError, type FinishReason, type ToolCall, type Usage } from '@golek/api';
import { checkFinished } from '../openai/finish-reason.ts';
import type { StreamEncoder } from '../openai/sse.ts';
import { chatLogprobs } from '../openai/token-logprobs.ts';
import type { AnswerForm, AnswerParts } from './answer-form.ts';
import { DONE_REASONS } from './done-reason.ts';
import type { AnswerOptions } from './model-call.ts';
import { statisticsOf, type AnswerClock } from './statistics.ts';
import { cutCallWarning, toolCallText } from './tool-call-text.ts';

/**
 * Writes an answer as lines of JSON. A call of a tool goes out when it is whole: its pieces have no form on the wire. The last line, with the statistics, is written at
 * the end only: an answer that is cut has none.
 */
export const ollamaStream = (form: AnswerForm, clock: AnswerClock, { warnings }: AnswerOptions): StreamEncoder => {
  const told = [...warnings];
  const calls: ToolCall[] = [];
  /** Calls that have gone out. */
  let sent = 0;
  let head = '';
  let finish: FinishReason | undefined;
  let usage: Usage | undefined;

  const line = (parts: AnswerParts, rest: string): string => `${head}${clock.now()}",${form.fields(parts)},${rest}}\n`;

  /** The calls before `end`, which are whole. */
  const wholeCalls = (end: number, reason: FinishReason): string => {
    const texts: string[] = [];
    for (; sent < end; sent++) {
      const call = calls[sent];
      if (!call) throw new GolekError('provider_failed', `the provider left out the tool call ${sent} of its answer`);
      const text = toolCallText(call, sent, reason);
      if (text === undefined) told.push(cutCallWarning(call.name));
      else texts.push(text);
    }
    return texts.length === 0 ? '' : line({ text: '', calls: texts }, '"done":false');
  };

  return {
    encode: (event) => {
      switch (event.type) {
        case 'text':
          if (event.text === '' && !event.logprobs) return '';
          return line(
            { text: event.text },
            event.logprobs
              ? `"logprobs":${JSON.stringify(chatLogprobs(event.logprobs).content)},"done":false`
              : '"done":false',
          );
        case 'reasoning':
          return event.text === '' ? '' : line({ text: '', thinking: event.text }, '"done":false');
        case 'tool-call': {
          const { index, id, name, arguments: text } = event;
          const call = (calls[index] ??= { id: '', name: '', arguments: '' });
          if (id !== undefined) call.id = id;
          if (name !== undefined) call.name = name;
          call.arguments += text;
          return wholeCalls(index, 'tool-calls');
        }
        case 'finish':
          finish = event.reason;
          return wholeCalls(calls.length, event.reason);
        case 'start':
          head = `{"model":${JSON.stringify(event.model)},"created_at":"`;
          return '';
        case 'usage':
          usage = event.usage;
          return '';
        case 'warning':
          told.push(event.message);
          return '';
        case 'error':
          throw GolekError.fromData(event.error);
        default:
          return '';
      }
    },
    end: () => {
      checkFinished(finish === undefined ? 0 : 1, 1);
      const rest = JSON.stringify({
        done: true,
        done_reason: finish && DONE_REASONS[finish],
        ...statisticsOf(clock, usage),
        ...(told.length > 0 && { warnings: told }),
      });
      return line({ text: '' }, rest.slice(1, -1));
    },
  };
};
