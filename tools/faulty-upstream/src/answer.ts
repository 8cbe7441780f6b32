/** What a request asks for, as far as answers depend on it. */
export interface Asked {
  readonly kind: 'chat' | 'completion' | 'embeddings' | 'models';
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly choices: number;
  readonly inputs: readonly string[];
}

const CREATED = 1_790_000_000;

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const textOf = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : list(content)
        .map((part) => record(part)['text'])
        .filter((text) => typeof text === 'string')
        .join('');

const KINDS: Readonly<Record<string, Asked['kind']>> = {
  '/v1/chat/completions': 'chat',
  '/v1/completions': 'completion',
  '/v1/embeddings': 'embeddings',
  '/v1/models': 'models',
};

/** Reads a request; undefined for a path that the upstream does not have. */
export const readAsked = (path: string, json: unknown): Asked | undefined => {
  const kind = KINDS[path];
  if (!kind) return undefined;
  const body = record(json);
  const input = kind === 'embeddings' ? body['input'] : (body['prompt'] ?? textOf(lastContent(body)));
  return {
    kind,
    model: typeof body['model'] === 'string' ? body['model'] : '',
    stream: body['stream'] === true,
    includeUsage: record(body['stream_options'])['include_usage'] === true,
    choices: typeof body['n'] === 'number' ? body['n'] : 1,
    inputs: Array.isArray(input) ? input.map(String) : [String(input)],
  };
};

const lastContent = (body: Readonly<Record<string, unknown>>): unknown =>
  record(list(body['messages']).at(-1))['content'];

/** The prompt's words said back, or so many numbered ones. */
const wordsOf = ({ inputs }: Asked, count: number | undefined): readonly string[] =>
  count === undefined
    ? ((inputs[0] ?? '').match(/\S+\s*/g) ?? [])
    : Array.from({ length: count }, (_, index) => `word${index} `);

/** Components that tell inputs apart: their length and the sum of their code units, not a model's work. */
const vectorOf = (input: string): readonly number[] => {
  let sum = 0;
  for (let index = 0; index < input.length; index++) sum += input.charCodeAt(index);
  return [1, input.length / 64, (sum % 97) / 97, 0];
};

export interface AnswerParts {
  readonly contentType: string;
  /** The body in the pieces in which it is sent: events of a stream, parts of a JSON text. */
  readonly pieces: readonly string[];
  /** How many of the pieces come before the first finish reason. */
  readonly beforeFinish: number;
  /** How many come before usage and [DONE]. */
  readonly beforeEnd: number;
}

const usageOf = (asked: Asked, words: number): object => ({
  prompt_tokens: asked.inputs.join(' ').split(/\s+/).length,
  completion_tokens: words,
  total_tokens: asked.inputs.join(' ').split(/\s+/).length + words,
  prompt_tokens_details: { cached_tokens: 1 },
});

const event = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;

const inQuarters = (text: string): readonly string[] => {
  const size = Math.ceil(text.length / 4);
  return Array.from({ length: 4 }, (_, index) => text.slice(index * size, (index + 1) * size));
};

const plain = (value: object): AnswerParts => ({
  contentType: 'application/json',
  pieces: inQuarters(JSON.stringify(value)),
  beforeFinish: 2,
  beforeEnd: 3,
});

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

/** The right answer to a request. */
export const answerTo = (
  asked: Asked,
  models: readonly string[],
  { words: count, usage = true }: { readonly words?: number; readonly usage?: boolean } = {},
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
