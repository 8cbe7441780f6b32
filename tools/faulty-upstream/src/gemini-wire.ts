import { googleErrorBody } from './google-error.ts';
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

/** `/v1/models` alone is OpenAI's. */
const PATH = /^\/v1(?:beta)?\/models\/([^/:]+):(\w+)$/;
const LIST_PATH = '/v1beta/models';

const KINDS: Readonly<Record<string, Asked['kind']>> = {
  generateContent: 'chat',
  streamGenerateContent: 'chat',
  countTokens: 'count',
  batchEmbedContents: 'embeddings',
};

/** The text of a content. */
const said = (content: unknown): string => textOf(record(content)['parts']);

const inputsOf = (kind: Asked['kind'], body: Readonly<Record<string, unknown>>): readonly string[] => {
  if (kind === 'embeddings') return list(body['requests']).map((request) => said(record(request)['content']));
  const prompt = kind === 'count' ? record(body['generateContentRequest'] ?? body) : body;
  return [said(list(prompt['contents']).at(-1))];
};

const readAsked = (path: string, json: unknown): Asked | undefined => {
  const common = { wire: GEMINI_WIRE, includeUsage: true };
  if (path === LIST_PATH) return { ...common, kind: 'models', model: '', stream: false, choices: 1, inputs: [] };
  const [, model = '', method = ''] = PATH.exec(path) ?? [];
  const kind = KINDS[method];
  if (!kind) return undefined;
  const body = record(json);
  const choices = record(body['generationConfig'])['candidateCount'];
  return {
    ...common,
    kind,
    model: decodeURIComponent(model),
    stream: method === 'streamGenerateContent',
    choices: typeof choices === 'number' ? choices : 1,
    inputs: inputsOf(kind, body),
  };
};

/** Google ends lines with CRLF. */
const dataRecord = (json: string): string => `data: ${json}\r\n\r\n`;

/** One of the prompt's tokens comes from a cache. */
const usageOf = (asked: Asked, words: number): object => ({
  promptTokenCount: promptWords(asked),
  candidatesTokenCount: words,
  totalTokenCount: promptWords(asked) + words,
  cachedContentTokenCount: 1,
});

const candidate = (index: number, text: string, finishReason?: string): object => ({
  content: { parts: [{ text }], role: 'model' },
  index,
  ...(finishReason !== undefined && { finishReason }),
});

const generated = ({ model }: Asked, candidates: readonly object[], usage: object | undefined): object => ({
  candidates,
  ...(usage && { usageMetadata: usage }),
  modelVersion: model,
  responseId: 'faulty',
});

const streamed = (asked: Asked, words: readonly string[], usage: boolean): AnswerParts => {
  const choices = Array.from({ length: asked.choices }, (_, index) => index);
  const chunk = (text: string, tokens: number, finishReason?: string): string =>
    dataRecord(
      JSON.stringify(
        generated(
          asked,
          choices.map((index) => candidate(index, text, finishReason)),
          usage ? usageOf(asked, tokens * asked.choices) : undefined,
        ),
      ),
    );
  const pieces = words.map((word, index) => chunk(word, index + 1));
  return {
    contentType: GEMINI_WIRE.streamType,
    // The last chunk has the finish reason; nothing stands behind it.
    pieces: [...pieces, chunk('', words.length, 'STOP')],
    beforeFinish: pieces.length,
    beforeEnd: pieces.length + 1,
  };
};

/** Components that tell inputs apart, not a model's work. */
const vectorOf = (input: string): readonly number[] => [1, input.length / 64, (input.charCodeAt(0) % 97) / 97, 0];

const listed = (name: string): object => ({
  name: `models/${name}`,
  displayName: name,
  inputTokenLimit: 8192,
  outputTokenLimit: 1024,
  supportedGenerationMethods: name.startsWith('embed')
    ? ['embedContent', 'countTokens']
    : ['generateContent', 'countTokens'],
});

const FINISH = ',"finishReason":"STOP"';

/** An answer in one piece, cut around its finish reason: without it the rest is still JSON. */
const whole = (value: object): AnswerParts => {
  const [before = '', ...after] = JSON.stringify(value).split(FINISH);
  const middle = before.length >> 1;
  return {
    contentType: 'application/json',
    pieces: [before.slice(0, middle), before.slice(middle), FINISH, after.join(FINISH)],
    beforeFinish: 2,
    beforeEnd: 3,
  };
};

const answerTo = (
  asked: Asked,
  models: readonly string[],
  { words: count, usage = true }: AnswerOptions,
): AnswerParts => {
  if (asked.kind === 'models') return plain({ models: models.map(listed) });
  if (asked.kind === 'count') return plain({ totalTokens: promptWords(asked) });
  if (asked.kind === 'embeddings') {
    const tokens = asked.inputs.length;
    return plain({
      embeddings: asked.inputs.map((input) => ({ values: vectorOf(input) })),
      ...(usage && { usageMetadata: { promptTokenCount: tokens, totalTokenCount: tokens } }),
    });
  }
  const words = wordsOf(asked, count);
  if (asked.stream) return streamed(asked, words, usage);
  const candidates = Array.from({ length: asked.choices }, (_, index) => candidate(index, words.join(''), 'STOP'));
  return whole(generated(asked, candidates, usage ? usageOf(asked, words.length * asked.choices) : undefined));
};

/** Google's Gemini API. */
export const GEMINI_WIRE: Wire = {
  readAsked,
  answerTo,
  streamType: 'text/event-stream',
  record: dataRecord,
  chunk: (text) => JSON.stringify({ candidates: [candidate(0, text)] }),
  errorBody: googleErrorBody,
};
