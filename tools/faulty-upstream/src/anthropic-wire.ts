import {
  lastText,
  plain,
  promptWords,
  record,
  wordsOf,
  type AnswerOptions,
  type AnswerParts,
  type Asked,
  type Wire,
} from './wire.ts';

const KINDS: Readonly<Record<string, Asked['kind']>> = {
  '/v1/messages': 'chat',
  '/v1/messages/count_tokens': 'count',
};

const readAsked = (path: string, json: unknown): Asked | undefined => {
  const kind = KINDS[path];
  if (!kind) return undefined;
  const body = record(json);
  return {
    wire: ANTHROPIC_WIRE,
    kind,
    model: typeof body['model'] === 'string' ? body['model'] : '',
    stream: body['stream'] === true,
    includeUsage: true,
    choices: 1,
    inputs: [lastText(body)],
  };
};

/** Every event has its type as name, too. */
const eventRecord = (json: string): string => {
  const type = /"type":"(\w+)"/.exec(json)?.[1] ?? 'message';
  return `event: ${type}\ndata: ${json}\n\n`;
};

const event = (value: object): string => eventRecord(JSON.stringify(value));

const delta = (text: string): object => ({
  type: 'content_block_delta',
  index: 0,
  delta: { type: 'text_delta', text },
});

/** One of the prompt's tokens comes from a cache. */
const usageOf = (asked: Asked, words: number): object => ({
  input_tokens: promptWords(asked) - 1,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 1,
  output_tokens: words,
});

const messageOf = (
  { model }: Asked,
  content: readonly object[],
  stop_reason: string | null,
  usage: object,
): object => ({
  id: 'msg_faulty',
  type: 'message',
  role: 'assistant',
  model,
  content,
  stop_reason,
  stop_sequence: null,
  usage,
});

const streamed = (asked: Asked, words: readonly string[], usage: boolean): AnswerParts => {
  const said = [
    event({ type: 'message_start', message: messageOf(asked, [], null, usage ? usageOf(asked, 1) : {}) }),
    event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    ...words.map((word) => event(delta(word))),
    event({ type: 'content_block_stop', index: 0 }),
  ];
  const end = event({
    type: 'message_delta',
    delta: { stop_reason: 'end_turn', stop_sequence: null },
    ...(usage && { usage: { output_tokens: words.length } }),
  });
  return {
    contentType: ANTHROPIC_WIRE.streamType,
    pieces: [...said, end, event({ type: 'message_stop' })],
    beforeFinish: said.length,
    beforeEnd: said.length + 1,
  };
};

const answerTo = (
  asked: Asked,
  _models: readonly string[],
  { words: count, usage = true }: AnswerOptions,
): AnswerParts => {
  if (asked.kind === 'count') return plain({ input_tokens: promptWords(asked) });
  const words = wordsOf(asked, count);
  if (asked.stream) return streamed(asked, words, usage);
  const content = [{ type: 'text', text: words.join('') }];
  return plain(messageOf(asked, content, 'end_turn', usage ? usageOf(asked, words.length) : {}));
};

/** Anthropic's Messages API. Its list of models has the path of OpenAI's, and is read in the same way. */
export const ANTHROPIC_WIRE: Wire = {
  readAsked,
  answerTo,
  streamType: 'text/event-stream; charset=utf-8',
  record: eventRecord,
  chunk: (text) => JSON.stringify(delta(text)),
  // Codes of other services than Anthropic stand where its types do.
  errorBody: (message, type, code) =>
    JSON.stringify({ type: 'error', error: { type: typeof code === 'string' ? code : type, message } }),
};
