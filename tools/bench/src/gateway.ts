/** CPU for each request of Golek's server with a fake provider beside bare node:http, in turn; each server is a process of its own. */
import { alternate, type Comparison, type Side } from './alternate.ts';
import { startGolek, startServer } from './bench-server.ts';
import { httpLoad } from './http-load.ts';

export const CHAT_PATH = '/v1/chat/completions';
export const CONNECTIONS = 8;

/** The requests that are measured; the model is one of golek-server.ts. */
export const KINDS = [
  { kind: 'plain', model: 'whole', stream: false },
  { kind: '20-chunk stream', model: 'chunks', stream: true },
] as const;

/**
 * Requests in a second for the comparison at one rate: below what either server can do. In a closed loop the faster side keeps the client so busy that it never sleeps,
 * and only the slower one pays for waking it, which is most of the price of a write on a virtual machine.
 */
const PER_SECOND = { plain: 5_000, streamed: 1_500 } as const;

export const requestBody = (model: string, stream: boolean): string =>
  JSON.stringify({
    model,
    messages: [{ role: 'user', content: 'Say twenty words, please.' }],
    temperature: 0.7,
    max_tokens: 64,
    stream,
  });

export interface GatewayBenchOptions {
  readonly rounds: number;
  /** Requests of one sample: plain, and streamed with 20 chunks. */
  readonly plain: number;
  readonly streamed: number;
}

export const gatewayBench = async ({ rounds, plain, streamed }: GatewayBenchOptions): Promise<Comparison[]> => {
  const collector = await startServer('collector-server');
  const servers = [
    { name: 'golek', server: await startGolek(collector) },
    { name: 'bare node:http', server: await startServer('bare-server') },
  ];
  const own = [process.pid, collector.pid, ...servers.map(({ server }) => server.pid)];
  try {
    const results: Comparison[] = [];
    const loads = KINDS.flatMap(({ kind, model, stream }) => [
      { model, stream, perSecond: stream ? PER_SECOND.streamed : PER_SECOND.plain, name: `${kind} at one rate` },
      { model, stream, perSecond: undefined, name: `${kind} in a closed loop` },
    ]);
    for (const { model, stream, perSecond, name } of loads) {
      const body = requestBody(model, stream);
      const requests = stream ? streamed : plain;
      const load = { path: CHAT_PATH, body, connections: CONNECTIONS, requests, perSecond };
      const sides = servers.map(({ name: side, server }): Side => ({
        name: `${side}, ${name}`,
        pid: server.pid,
        work: async () => (await httpLoad({ ...load, port: server.port })).length,
      }));
      results.push(...(await alternate(sides, rounds, own)));
    }
    return results;
  } finally {
    collector.process.kill('SIGKILL');
    for (const { server } of servers) server.process.kill('SIGKILL');
  }
};
