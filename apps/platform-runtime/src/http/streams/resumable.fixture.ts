import { chat } from '../server.fixture.ts';

/** Requests that stream, by protocol. */
export const STREAMS = {
  chat: ['/v1/chat/completions', chat({ stream: true, stream_options: { include_usage: true } })],
  completions: ['/v1/completions', { model: 'tiny', prompt: 'hello', stream: true, max_tokens: 100 }],
  anthropic: [
    '/v1/messages',
    { model: 'tiny', max_tokens: 100, stream: true, messages: [{ role: 'user', content: 'hello' }] },
  ],
  kserve: ['/v2/models/tiny/generate_stream', { text_input: 'hello' }],
  responses: ['/v1/responses', { model: 'tiny', stream: true, input: 'hello', store: false }],
} as const;

export interface Ask {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Told the text so far: true closes the connection. */
  readonly enough?: (text: string) => boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Why the text ends before the answer does. */
  readonly cut?: unknown;
}

/** Asks and reads until there is enough, or to the end. */
export const ask = async (url: string, { method, body, headers, enough }: Ask = {}): Promise<Answer> => {
  const leaving = new AbortController();
  const response = await fetch(url, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: leaving.signal,
  });
  let text = '';
  const found = { status: response.status, headers: response.headers };
  try {
    for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += part;
      if (enough?.(text)) break;
    }
  } catch (cut) {
    return { ...found, text, cut };
  } finally {
    leaving.abort();
  }
  return { ...found, text };
};

/** The whole events of a text; what follows the last of them is left out, as clients do. */
export const eventsOf = (text: string): string[] =>
  text.match(/[^]*?\n\n/g)?.filter((one) => !one.startsWith(':')) ?? [];

/** The id of the last event that arrived whole. */
export const lastId = (events: readonly string[]): string | undefined => /^id: (.*)$/m.exec(events.at(-1) ?? '')?.[1];

/** Events without their ids, and without what differs between two runs. */
export const plain = (events: readonly string[]): string =>
  events
    .join('')
    .replaceAll(/^id: .*\n/gm, '')
    .replaceAll(/"(created|created_at|completed_at)":\d+/g, '"$1":0')
    .replaceAll(/(chatcmpl-|cmpl-|msg_|resp_)[\w-]+/g, '$1id')
    .replaceAll(/"id":"(anywhere-|cut-|req_)\w+"/g, '"id":"id"');
