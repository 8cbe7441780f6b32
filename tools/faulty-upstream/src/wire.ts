/** What a request asks for, as far as answers depend on it. */
export interface Asked {
  readonly wire: Wire;
  readonly kind: 'chat' | 'completion' | 'embeddings' | 'count' | 'models';
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly choices: number;
  readonly inputs: readonly string[];
}

export interface AnswerParts {
  /** Default 200. */
  readonly status?: number;
  readonly contentType: string;
  /** The body in the pieces in which it is sent: records of a stream, parts of a JSON text. */
  readonly pieces: readonly string[];
  /** How many of the pieces come before the first finish reason. */
  readonly beforeFinish: number;
  /** How many come before what stands behind the last finish reason: usage, the mark of the end. */
  readonly beforeEnd: number;
}

export interface AnswerOptions {
  /** So many words instead of the prompt's own. */
  readonly words?: number;
  /** False: no token counts are told. */
  readonly usage?: boolean;
}

/** What stands beside an error's body, and in the body of some protocols as well. */
export interface ErrorHead {
  readonly status?: number;
  /** As of the header. */
  readonly retryAfter?: string | undefined;
}

/** A protocol that the upstream speaks: right answers, and the forms into which faults are put. */
export interface Wire {
  /** Reads a request; undefined for a path that the protocol does not have. */
  readonly readAsked: (path: string, json: unknown) => Asked | undefined;
  readonly answerTo: (asked: Asked, models: readonly string[], options: AnswerOptions) => AnswerParts;
  /** Content type of its streams. */
  readonly streamType: string;
  /** A JSON text as one record of a stream. */
  readonly record: (json: string) => string;
  /** The JSON of a record that says so much. */
  readonly chunk: (text: string) => string;
  readonly errorBody: (message: string, type: string, code: string | number | null, head?: ErrorHead) => string;
}

export const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export const textOf = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : list(content)
        .map((part) => record(part)['text'])
        .filter((text) => typeof text === 'string')
        .join('');

/** The text of a chat's last message. */
export const lastText = (body: Readonly<Record<string, unknown>>): string =>
  textOf(record(list(body['messages']).at(-1))['content']);

/** The prompt's words said back, or so many numbered ones. */
export const wordsOf = ({ inputs }: Asked, count: number | undefined): readonly string[] =>
  count === undefined
    ? ((inputs[0] ?? '').match(/\S+\s*/g) ?? [])
    : Array.from({ length: count }, (_, index) => `word${index} `);

/** Words of the prompt, which stand for its tokens. */
export const promptWords = ({ inputs }: Asked): number => inputs.join(' ').split(/\s+/).length;

const inQuarters = (text: string): readonly string[] => {
  const size = Math.ceil(text.length / 4);
  return Array.from({ length: 4 }, (_, index) => text.slice(index * size, (index + 1) * size));
};

/** An answer in one piece. */
export const plain = (value: object): AnswerParts => ({
  contentType: 'application/json',
  pieces: inQuarters(JSON.stringify(value)),
  beforeFinish: 2,
  beforeEnd: 3,
});
