/**
 * What reading one streamed answer of an OpenAI-compatible upstream costs its reader: several clients, and Golek's provider, each beside undici's handler interface with
 * the least that reads a stream. The upstream is a process of its own and sends each chunk in a turn of its own.
 */
import { createOpenAiProvider } from '@golek/provider-openai';
import OpenAI from 'openai';
import { Pool } from 'undici';
import { alternate, type Comparison, type Side } from './alternate.ts';
import { startServer } from './bench-server.ts';

const CHUNKS = 20;
const CONNECTIONS = 8;
const PATH = '/v1/chat/completions';
const QUESTION = 'Say twenty words, please.';
const BODY = { model: 'chunks', messages: [{ role: 'user' as const, content: QUESTION }], stream: true as const };
const SENT = JSON.stringify(BODY);
const HEADERS = { 'content-type': 'application/json' };

interface Chunk {
  readonly choices: readonly { readonly delta: { readonly content?: string } }[];
}

/** Counts the chunks with content; the least that a reader of a stream does. */
class ChunkCounter {
  count = 0;
  readonly #decoder = new TextDecoder();
  #rest = '';

  push(bytes: Uint8Array): void {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      if (text.startsWith('data: {', from)) {
        const chunk = JSON.parse(text.slice(from + 6, end)) as Chunk;
        if (chunk.choices[0]?.delta.content !== undefined) this.count++;
      }
      from = end + 1;
    }
    this.#rest = text.slice(from);
  }
}

type Client = () => Promise<number>;

const counted = async (body: AsyncIterable<Uint8Array>): Promise<number> => {
  const counter = new ChunkCounter();
  for await (const bytes of body) counter.push(bytes);
  return counter.count;
};

const handled = (pool: Pool): Promise<number> =>
  new Promise((resolve, reject) => {
    const counter = new ChunkCounter();
    pool.dispatch(
      { path: PATH, method: 'POST', body: SENT, headers: HEADERS },
      {
        onRequestStart: () => undefined,
        onResponseStart: () => undefined,
        onResponseData: (_, bytes) => counter.push(bytes),
        onResponseEnd: () => resolve(counter.count),
        onResponseError: (_, error) => reject(error),
      },
    );
  });

export interface UpstreamBenchOptions {
  readonly rounds: number;
  /** Streams of one sample. */
  readonly streams: number;
}

export const upstreamBench = async ({ rounds, streams }: UpstreamBenchOptions): Promise<Comparison[]> => {
  const server = await startServer('bare-server', [String(CHUNKS)]);
  const origin = `http://127.0.0.1:${server.port}`;
  const pool = new Pool(origin, { connections: CONNECTIONS });
  const openai = new OpenAI({ baseURL: `${origin}/v1`, apiKey: 'none', maxRetries: 0 });
  await using provider = createOpenAiProvider({ baseUrl: `${origin}/v1` });
  const { signal } = new AbortController();
  const session = await provider.open({ name: 'chunks', location: 'chunks' }, { signal });
  const request = {
    task: 'generate' as const,
    model: 'chunks',
    input: {
      type: 'chat' as const,
      messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text: QUESTION }] }],
    },
  };
  const floor: Client = () => handled(pool);
  const clients: Readonly<Record<string, Client>> = {
    '@golek/provider-openai': async () => {
      let count = 0;
      for await (const event of session.run(request, { id: 'bench', signal })) if (event.type === 'text') count++;
      return count;
    },
    'undici request': async () =>
      counted((await pool.request({ path: PATH, method: 'POST', body: SENT, headers: HEADERS })).body),
    fetch: async () => {
      const { body } = await fetch(origin + PATH, { method: 'POST', body: SENT, headers: HEADERS });
      return body ? counted(body) : 0;
    },
    'openai package': async () => {
      let count = 0;
      for await (const { choices } of await openai.chat.completions.create(BODY))
        if (choices[0]?.delta.content !== undefined) count++;
      return count;
    },
  };
  const side = (name: string, client: Client): Side => ({
    name,
    pid: process.pid,
    work: async () => {
      let left = streams;
      const worker = async (): Promise<void> => {
        while (left-- > 0) {
          const count = await client();
          if (count !== CHUNKS) throw new Error(`${name} read ${count} of ${CHUNKS} chunks`);
        }
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, worker));
      return streams;
    },
  });
  try {
    const results: Comparison[] = [];
    for (const [name, client] of Object.entries(clients)) {
      const sides = [side(name, client), side('undici handler', floor)];
      results.push(...(await alternate(sides, rounds, [process.pid, server.pid])));
    }
    return results;
  } finally {
    await pool.destroy();
    server.process.kill('SIGKILL');
  }
};
