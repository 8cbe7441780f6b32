import { Agent, request, type IncomingMessage } from 'node:http';

/** What one streamed answer looked like to its client; times in milliseconds of `performance.now()`. */
export interface StreamRecord {
  readonly startedAt: number;
  readonly endedAt: number;
  /** When each chunk with text came. */
  readonly chunksAt: readonly number[];
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly finish: string | undefined;
}

/** An answer that is none: refused before its stream, or broken off within. */
export class StreamFailure extends Error {
  readonly status: number;
  /** The server's body, or the event that ended the stream. */
  readonly body: string;
  constructor(status: number, body: string) {
    super(`status ${status}: ${body.slice(0, 500)}`);
    this.status = status;
    this.body = body;
  }
}

export interface StreamRequest {
  readonly port: number;
  readonly path?: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Called for each chunk with text. */
  readonly onChunk?: (count: number) => void;
}

interface Chunk {
  readonly choices?: readonly {
    readonly text?: string;
    readonly delta?: { readonly content?: string | null };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details?: { readonly cached_tokens?: number };
  } | null;
  readonly error?: unknown;
}

/** A connection for each request: a side that waits for its turn would find that the server has closed a kept one. */
const agent = new Agent({ keepAlive: false });

const respond = ({
  port,
  path = '/v1/completions',
  body,
  headers,
  signal,
}: StreamRequest): Promise<IncomingMessage> => {
  const text = JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } });
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        agent,
        host: '127.0.0.1',
        port,
        path,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers },
        ...(signal && { signal }),
      },
      resolve,
    );
    outgoing.on('error', reject);
    outgoing.end(text);
  });
};

/** Sends a request and reads its stream to the end. Throws StreamFailure, and what the signal aborts with. */
export const streamOnce = async (wanted: StreamRequest): Promise<StreamRecord> => {
  try {
    return await readStream(wanted);
  } catch (error) {
    // A connection that the signal broke says so in its own way.
    wanted.signal?.throwIfAborted();
    throw error;
  }
};

const readStream = async (wanted: StreamRequest): Promise<StreamRecord> => {
  const startedAt = performance.now();
  const response = await respond(wanted);
  response.setEncoding('utf8');
  const chunksAt: number[] = [];
  let usage: Chunk['usage'];
  let finish: string | undefined;
  let rest = '';
  let isDone = false;
  const status = response.statusCode ?? 0;
  for await (const piece of response as AsyncIterable<string>) {
    const now = performance.now();
    rest += piece;
    if (status !== 200) continue;
    let from = 0;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n', from)) {
      const line = rest.slice(from, end).trimEnd();
      from = end + 1;
      if (line === 'data: [DONE]') isDone = true;
      if (!line.startsWith('data: {')) continue;
      const chunk = JSON.parse(line.slice(6)) as Chunk;
      if (chunk.error !== undefined) throw new StreamFailure(status, line);
      const choice = chunk.choices?.[0];
      if ((choice?.text ?? choice?.delta?.content ?? '') !== '') {
        chunksAt.push(now);
        wanted.onChunk?.(chunksAt.length);
      }
      finish = choice?.finish_reason ?? finish;
      usage = chunk.usage ?? usage;
    }
    rest = rest.slice(from);
  }
  if (status !== 200) throw new StreamFailure(status, rest);
  if (!isDone || !usage) throw new StreamFailure(status, `the stream ended without its usage: ${rest}`);
  return {
    startedAt,
    endedAt: performance.now(),
    chunksAt,
    promptTokens: usage.prompt_tokens,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    completionTokens: usage.completion_tokens,
    finish,
  };
};

/** Time to the first text, milliseconds; NaN for an answer without text. */
export const firstTokenMs = ({ startedAt, chunksAt }: StreamRecord): number => (chunksAt[0] ?? NaN) - startedAt;

/** Times between two chunks, milliseconds. */
export const gapsMs = ({ chunksAt }: Pick<StreamRecord, 'chunksAt'>): number[] =>
  chunksAt.slice(1).map((at, index) => at - (chunksAt[index] ?? at));
