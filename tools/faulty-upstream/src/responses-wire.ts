import { OPENAI_WIRE } from './openai-wire.ts';
import {
  list,
  plain,
  promptWords,
  record,
  textOf,
  wordsOf,
  type AnswerOptions,
  type AnswerParts,
  type Asked,
  type Wire,
} from './wire.ts';

const lastInput = (input: unknown): string =>
  typeof input === 'string' ? input : textOf(record(list(input).at(-1))['content']);

const readAsked = (path: string, json: unknown): Asked | undefined => {
  if (path !== '/v1/responses') return undefined;
  const body = record(json);
  return {
    wire: RESPONSES_WIRE,
    kind: 'chat',
    model: typeof body['model'] === 'string' ? body['model'] : '',
    stream: body['stream'] === true,
    includeUsage: true,
    choices: 1,
    inputs: [lastInput(body['input'])],
  };
};

/** Every event has its type as name, too; an error object has none. */
const eventRecord = (json: string): string => {
  const type = /^\{"type":"([\w.]+)"/.exec(json)?.[1] ?? 'error';
  return `event: ${type}\ndata: ${json}\n\n`;
};

const event = (type: string, fields: object): string => eventRecord(JSON.stringify({ type, ...fields }));

const MESSAGE_ID = 'msg_faulty';
const PLACE = { item_id: MESSAGE_ID, output_index: 0, content_index: 0 };

const delta = (text: string): object => ({
  type: 'response.output_text.delta',
  ...PLACE,
  delta: text,
  logprobs: [],
});

const part = (text: string): object => ({ type: 'output_text', text, annotations: [], logprobs: [] });

const message = (status: string, content: readonly object[]): object => ({
  type: 'message',
  id: MESSAGE_ID,
  role: 'assistant',
  status,
  content,
});

/** One of the prompt's tokens comes from a cache. */
const usageOf = (asked: Asked, words: number): object => ({
  input_tokens: promptWords(asked),
  input_tokens_details: { cached_tokens: 1 },
  output_tokens: words,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: promptWords(asked) + words,
});

const responseOf = ({ model }: Asked, status: string, output: readonly object[], usage?: object): object => ({
  id: 'resp_faulty',
  object: 'response',
  created_at: 1_790_000_000,
  status,
  error: null,
  incomplete_details: null,
  model,
  output,
  ...(usage && { usage }),
});

const streamed = (asked: Asked, words: readonly string[], usage: object | undefined): AnswerParts => {
  const text = words.join('');
  const done = message('completed', [part(text)]);
  const said = [
    event('response.created', { response: responseOf(asked, 'in_progress', []) }),
    event('response.output_item.added', { output_index: 0, item: message('in_progress', []) }),
    ...words.map((word) => eventRecord(JSON.stringify(delta(word)))),
    event('response.output_text.done', { ...PLACE, text, logprobs: [] }),
    event('response.output_item.done', { output_index: 0, item: done }),
  ];
  const end = event('response.completed', { response: responseOf(asked, 'completed', [done], usage) });
  return {
    contentType: RESPONSES_WIRE.streamType,
    pieces: [...said, end],
    beforeFinish: said.length,
    // Nothing comes behind the end.
    beforeEnd: said.length + 1,
  };
};

const answerTo = (
  asked: Asked,
  _models: readonly string[],
  { words: count, usage: isTold = true }: AnswerOptions,
): AnswerParts => {
  const words = wordsOf(asked, count);
  const usage = isTold ? usageOf(asked, words.length) : undefined;
  if (asked.stream) return streamed(asked, words, usage);
  return plain(responseOf(asked, 'completed', [message('completed', [part(words.join(''))])], usage));
};

/** OpenAI's Responses API. Its list of models and its error object are those of the chats. */
export const RESPONSES_WIRE: Wire = {
  readAsked,
  answerTo,
  streamType: OPENAI_WIRE.streamType,
  record: eventRecord,
  chunk: (text) => JSON.stringify(delta(text)),
  errorBody: OPENAI_WIRE.errorBody,
};
