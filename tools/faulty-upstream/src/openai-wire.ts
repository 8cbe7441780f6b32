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

const CREATED = 1_790_000_000;

const KINDS: Readonly<Record<string, Asked['kind']>> = {
  '/v1/chat/completions': 'chat',
  '/v1/completions': 'completion',
  '/v1/embeddings': 'embeddings',
  '/v1/models': 'models',
};

const readAsked = (path: string, json: unknown): Asked | undefined => {
  const kind = KINDS[path];
  if (!kind) return undefined;
  const body = record(json);
  const input = kind === 'embeddings' ? body['input'] : (body['prompt'] ?? lastText(body));
  return {
    wire: OPENAI_WIRE,
    kind,
    model: typeof body['model'] === 'string' ? body['model'] : '',
    stream: body['stream'] === true,
    includeUsage: record(body['stream_options'])['include_usage'] === true,
    choices: typeof body['n'] === 'number' ? body['n'] : 1,
    inputs: Array.isArray(input) ? input.map(String) : [String(input)],
  };
};

/** Components that tell inputs apart: their length and the sum of their code units, not a model's work. */
const vectorOf = (input: string): readonly number[] => {
  let sum = 0;
  for (let index = 0; index < input.length; index++) sum += input.charCodeAt(index);
  return [1, input.length / 64, (sum % 97) / 97, 0];
};

const usageOf = (asked: Asked, words: number): object => ({
  prompt_tokens: promptWords(asked),
  completion_tokens: words,
  total_tokens: promptWords(asked) + words,
  prompt_tokens_details: { cached_tokens: 1 },
});

const dataRecord = (json: string): string => `data: ${json}\n\n`;

const event = (value: object): string => dataRecord(JSON.stringify(value));

const streamed = (asked: Asked, words: readonly string[], usage: boolean): AnswerParts => {
  const chat = asked.kind === 'chat';
  const head = {
    id: chat ? 'chatcmpl-faulty' : 'cmpl-faulty',
    object: chat ? 'chat.completion.chunk' : 'text_completion',
    created: CREATED,
    model: asked.model,
  };
  const choices = Array.from({ length: asked.choices }, (_, index) => index);
  const chunk = (index: number, text: string | undefined, finish_reason: string | null): string =>
    event({
      ...head,
      choices: [
        chat
          ? { index, delta: text === undefined ? {} : { content: text }, logprobs: null, finish_reason }
          : { index, text: text ?? '', logprobs: null, finish_reason },
      ],
    });
  const role = (index: number): string =>
    event({ ...head, choices: [{ index, delta: { role: 'assistant', content: '' }, finish_reason: null }] });
  const said = [
    ...(chat ? choices.map(role) : []),
    ...words.flatMap((word) => choices.map((index) => chunk(index, word, null))),
  ];
  const ends = choices.map((index) => chunk(index, undefined, 'stop'));
  const tail = usage ? [event({ ...head, choices: [], usage: usageOf(asked, words.length * asked.choices) })] : [];
  return {
    contentType: 'text/event-stream; charset=utf-8',
    pieces: [...said, ...ends, ...tail, 'data: [DONE]\n\n'],
    beforeFinish: said.length,
    beforeEnd: said.length + ends.length,
  };
};

const generated = (asked: Asked, text: string, words: number, usage: boolean): object => ({
  id: asked.kind === 'chat' ? 'chatcmpl-faulty' : 'cmpl-faulty',
  object: asked.kind === 'chat' ? 'chat.completion' : 'text_completion',
  created: CREATED,
  model: asked.model,
  choices: Array.from({ length: asked.choices }, (_, index) => ({
    index,
    ...(asked.kind === 'chat' ? { message: { role: 'assistant', content: text, refusal: null } } : { text }),
    logprobs: null,
    finish_reason: 'stop',
  })),
  ...(usage && { usage: usageOf(asked, words * asked.choices) }),
});

const answerTo = (
  asked: Asked,
  models: readonly string[],
  { words: count, usage = true }: AnswerOptions,
): AnswerParts => {
  if (asked.kind === 'models') {
    return plain({ object: 'list', data: models.map((id) => ({ id, object: 'model', created: CREATED })) });
  }
  if (asked.kind === 'embeddings') {
    const data = asked.inputs.map((input, index) => ({ object: 'embedding', index, embedding: vectorOf(input) }));
    const tokens = asked.inputs.length;
    return plain({
      object: 'list',
      data,
      model: asked.model,
      ...(usage && { usage: { prompt_tokens: tokens, total_tokens: tokens } }),
    });
  }
  const words = wordsOf(asked, count);
  return asked.stream
    ? streamed(asked, words, usage && asked.includeUsage)
    : plain(generated(asked, words.join(''), words.length, usage));
};

/** OpenAI's, as compatible services speak it. */
export const OPENAI_WIRE: Wire = {
  readAsked,
  answerTo,
  streamType: 'text/event-stream; charset=utf-8',
  record: dataRecord,
  chunk: (content) => JSON.stringify({ choices: [{ index: 0, delta: { content } }] }),
  errorBody: (message, type, code) => JSON.stringify({ error: { message, type, param: null, code } }),
};
