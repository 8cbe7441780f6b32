import { z } from 'zod';
import { ChatLogprobs } from '../openai/token-logprobs.ts';
import { statisticsFields } from './statistics.ts';

/** What differs between the answers of POST /api/chat and of POST /api/generate: where text, reasoning and calls stand. */
export interface AnswerForm {
  /** The fields of an object with these, each as JSON; the text is always present. */
  readonly fields: (parts: AnswerParts) => string;
}

export interface AnswerParts {
  readonly text: string;
  readonly thinking?: string | undefined;
  /** Finished calls. */
  readonly calls?: readonly string[] | undefined;
}

const further = ({ thinking, calls }: AnswerParts): string =>
  (thinking === undefined || thinking === '' ? '' : `,"thinking":${JSON.stringify(thinking)}`) +
  (calls === undefined || calls.length === 0 ? '' : `,"tool_calls":[${calls.join(',')}]`);

export const CHAT_FORM: AnswerForm = {
  fields: (parts) => `"message":{"role":"assistant","content":${JSON.stringify(parts.text)}${further(parts)}}`,
};

export const GENERATE_FORM: AnswerForm = {
  fields: (parts) => `"response":${JSON.stringify(parts.text)}${further(parts)}`,
};

const commonFields = {
  model: z.string(),
  created_at: z.iso.datetime(),
  logprobs: ChatLogprobs.shape.content.exactOptional(),
  done: z.boolean().describe('True in the last object of an answer, which has the statistics.'),
  done_reason: z.enum(['stop', 'length', 'content_filter', 'load', 'unload']).exactOptional(),
  ...statisticsFields,
  warnings: z.array(z.string()).exactOptional().describe('Extension. What could not be done as asked.'),
};

const OllamaToolCall = z.strictObject({
  id: z.string(),
  function: z.strictObject({ index: z.int(), name: z.string(), arguments: z.record(z.string(), z.unknown()) }),
});

/** Each object of a streamed answer of POST /api/chat, and the one object of a whole one. */
export const ChatAnswer = z
  .strictObject({
    ...commonFields,
    message: z.strictObject({
      role: z.literal('assistant'),
      content: z.string(),
      thinking: z.string().exactOptional(),
      tool_calls: z.array(OllamaToolCall).exactOptional(),
    }),
  })
  .meta({ id: 'OllamaChatAnswer' });

/** Each object of a streamed answer of POST /api/generate, and the one object of a whole one. */
export const GenerateAnswer = z
  .strictObject({ ...commonFields, response: z.string(), thinking: z.string().exactOptional() })
  .meta({ id: 'OllamaGenerateAnswer' });
