import {
  lastText,
  list,
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
  '/api/chat': 'chat',
  '/api/generate': 'completion',
  '/api/embed': 'embeddings',
  '/api/tags': 'models',
  // What a model is can be asked of every model, whatever its fault.
  '/api/show': 'models',
};

const textField = (value: unknown): string => (typeof value === 'string' ? value : '');

const inputsOf = (kind: Asked['kind'], body: Readonly<Record<string, unknown>>): readonly string[] => {
  if (kind === 'chat') return [lastText(body)];
  if (kind === 'completion') return [textField(body['prompt'])];
  if (kind === 'models') return body['model'] === undefined ? [] : [textField(body['model'])];
  return Array.isArray(body['input']) ? list(body['input']).map(String) : [textField(body['input'])];
};

const readAsked = (path: string, json: unknown): Asked | undefined => {
  const kind = KINDS[path];
  if (!kind) return undefined;
  const body = record(json);
  return {
    wire: OLLAMA_WIRE,
    kind,
    model: kind === 'models' ? '' : textField(body['model']),
    stream: body['stream'] !== false,
    includeUsage: true,
    choices: 1,
    inputs: inputsOf(kind, body),
  };
};

const line = (value: object): string => `${JSON.stringify(value)}\n`;

const CREATED_AT = '2026-09-21T14:13:20Z';

const part = ({ kind, model }: Pick<Asked, 'kind' | 'model'>, text: string): object => ({
  model,
  created_at: CREATED_AT,
  ...(kind === 'chat' ? { message: { role: 'assistant', content: text } } : { response: text }),
});

const last = (asked: Asked, text: string, words: number, usage: boolean): object => ({
  ...part(asked, text),
  done: true,
  done_reason: 'stop',
  ...(usage && {
    total_duration: 5_000_000,
    load_duration: 1_000_000,
    prompt_eval_count: promptWords(asked),
    prompt_eval_duration: 2_000_000,
    eval_count: words,
    eval_duration: 2_000_000,
  }),
});

/** Components that tell inputs apart, not a model's work. */
const vectorOf = (input: string): readonly number[] => [1, input.length / 64, (input.charCodeAt(0) % 97) / 97, 0];

const shown = (name: string, models: readonly string[]): AnswerParts => {
  if (models.length > 0 && !models.includes(name)) {
    return { ...plain({ error: `model '${name}' not found` }), status: 404 };
  }
  return plain({
    details: { format: 'gguf', family: 'llama', quantization_level: 'Q4_K_M' },
    model_info: { 'general.architecture': 'llama', 'llama.context_length': 8192, 'llama.embedding_length': 4 },
    capabilities: ['completion', 'embedding', 'tools'],
  });
};

const answerTo = (
  asked: Asked,
  models: readonly string[],
  { words: count, usage = true }: AnswerOptions,
): AnswerParts => {
  const [input, ...others] = asked.inputs;
  if (asked.kind === 'models') {
    return input === undefined
      ? plain({ models: models.map((name) => ({ name, model: name })) })
      : shown(input, models);
  }
  if (asked.kind === 'embeddings') {
    return plain({
      model: asked.model,
      embeddings: asked.inputs.map(vectorOf),
      ...(usage && { prompt_eval_count: 1 + others.length }),
    });
  }
  const words = wordsOf(asked, count);
  if (!asked.stream) return plain(last(asked, words.join(''), words.length, usage));
  const said = words.map((word) => line({ ...part(asked, word), done: false }));
  return {
    contentType: OLLAMA_WIRE.streamType,
    pieces: [...said, line(last(asked, '', words.length, usage))],
    beforeFinish: said.length,
    beforeEnd: said.length + 1,
  };
};

/** Ollama's own API: lines of JSON, of which the last says `done`. */
export const OLLAMA_WIRE: Wire = {
  readAsked,
  answerTo,
  streamType: 'application/x-ndjson',
  record: (json) => `${json}\n`,
  chunk: (text) => JSON.stringify({ ...part({ kind: 'chat', model: 'faulty' }, text), done: false }),
  errorBody: (message) => JSON.stringify({ error: message }),
};
