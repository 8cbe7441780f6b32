import type { RunningGolek } from '../running-golek.fixture.ts';

/** What can be asked of a model. */
export const SUBJECTS = ['chat', 'text', 'embeddings', 'tools'] as const;
export type Subject = (typeof SUBJECTS)[number];

/** A call of a tool, its arguments parsed. */
export interface Called {
  readonly name: string;
  readonly arguments: unknown;
}

/** Asks for a text; gives its pieces, one where it is not streamed. */
export type AskText = (golek: RunningGolek, model: string, prompt: string, stream: boolean) => Promise<string[]>;
export type AskVectors = (golek: RunningGolek, model: string, inputs: readonly string[]) => Promise<number[][]>;
export type AskTools = (golek: RunningGolek, model: string, prompt: string, stream: boolean) => Promise<Called[]>;

/** How a client asks in one protocol; a text in place of a function says why the protocol has no such thing. */
export interface Protocol {
  readonly name: string;
  /** What is called there. */
  readonly calls: string;
  readonly chat: AskText | string;
  readonly text: AskText | string;
  readonly embeddings: AskVectors | string;
  readonly tools: AskTools | string;
}

/** An answer of the server that is none. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export const MAX_TOKENS = 24;

export const WEATHER = {
  name: 'get_weather',
  description: 'Get the current weather for a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

/** The text of an answer. Throws `Refused` for any other status than 200. */
export const post = async ({ url }: RunningGolek, path: string, body: object): Promise<string> => {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  if (response.status === 200) return text;
  throw new Refused(response.status, text);
};

/** The objects of server-sent events. */
export const sse = <T>(text: string): T[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]')
    .map((line) => JSON.parse(line.slice(6)) as T);

/** Joins the pieces of calls by their place. */
export const joined = (
  pieces: readonly { readonly index: number; readonly name?: string | undefined; readonly part?: string | undefined }[],
): Called[] => {
  const calls: { name: string; text: string }[] = [];
  for (const { index, name, part = '' } of pieces) {
    const call = (calls[index] ??= { name: '', text: '' });
    call.name ||= name ?? '';
    call.text += part;
  }
  return calls.map(({ name, text }) => ({ name, arguments: JSON.parse(text) }));
};
