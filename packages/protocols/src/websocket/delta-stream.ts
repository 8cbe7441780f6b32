import { GolekError, type InferenceEvent } from '@golek/api';
import { completionUsage } from '../openai/completion-usage.ts';
import { CHAT_FINISH_REASONS, checkFinished } from '../openai/finish-reason.ts';
import { chatLogprobs } from '../openai/token-logprobs.ts';
import type { FinishedMessage } from './server-message.ts';
import { warningMessage } from './short-messages.ts';

type Finished = Pick<FinishedMessage, 'choices' | 'usage'>;

/** Turns the events of generated answers into the text of messages. */
export interface DeltaStream {
  /** Empty for an event that is told in `finished`. */
  encode(event: InferenceEvent): string;
  /** What `finished` tells. Throws `provider_failed` when an answer has not ended. */
  end(): Finished;
}

type Reasoning = Extract<InferenceEvent, { type: 'reasoning' }>;
type ToolCall = Extract<InferenceEvent, { type: 'tool-call' }>;

const reasoningFields = ({ text, signature, redacted }: Reasoning): string => {
  const signed = signature === undefined ? '' : `,"signature":${JSON.stringify(signature)}`;
  const hidden = redacted === undefined ? '' : `,"redacted":${JSON.stringify(redacted)}`;
  return `"reasoning":${JSON.stringify(text)}${signed}${hidden}`;
};

const toolCallFields = ({ index, id, name, arguments: text }: ToolCall): string => {
  const begun = id === undefined ? '' : `"id":${JSON.stringify(id)},`;
  const named = name === undefined ? '' : `"name":${JSON.stringify(name)},`;
  return `"tool_call":{"index":${index},${begun}${named}"arguments":${JSON.stringify(text)}}`;
};

/** Writes messages as text around constant parts that are made once: a delta costs one JSON string. */
export const deltaStream = (id: string, choices: number): DeltaStream => {
  const head = `{"type":"delta","id":${JSON.stringify(id)},"choice":`;
  const finished: NonNullable<Finished['choices']> = [];
  let usage: Finished['usage'];

  return {
    encode: (event) => {
      switch (event.type) {
        case 'text': {
          if (!event.logprobs)
            return event.text === '' ? '' : `${head}${event.choice},"text":${JSON.stringify(event.text)}}`;
          const { content } = chatLogprobs(event.logprobs);
          return `${head}${event.choice},"text":${JSON.stringify(event.text)},"logprobs":${JSON.stringify(content)}}`;
        }
        case 'reasoning':
          return `${head}${event.choice},${reasoningFields(event)}}`;
        case 'tool-call':
          return `${head}${event.choice},${toolCallFields(event)}}`;
        case 'finish': {
          const { choice: index, reason, stop } = event;
          finished.push({ index, finish_reason: CHAT_FINISH_REASONS[reason], ...(stop !== undefined && { stop }) });
          return '';
        }
        case 'usage':
          usage = completionUsage(event.usage);
          return '';
        case 'warning':
          return JSON.stringify(warningMessage(event.message, id));
        case 'error':
          throw GolekError.fromData(event.error);
        default:
          return '';
      }
    },
    end: () => {
      checkFinished(finished.length, choices);
      return { choices: finished.sort((one, other) => one.index - other.index), ...(usage && { usage }) };
    },
  };
};
