/** CPU for each request of Golek's server with a fake provider beside bare node:http, in turn; each server is a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { alternate, type Comparison, type Side } from './alternate.ts';
import { httpLoad } from './http-load.ts';

const PATH = '/v1/chat/completions';
const CONNECTIONS = 8;

interface Server {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly port: number;
}

/** Starts a server script that prints its port as its first line. */
const start = async (script: string): Promise<Server> => {
  const child = spawn(process.execPath, [...process.execArgv, path.join(import.meta.dirname, script)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { process: child, pid: child.pid as number, port: Number(line.toString('utf8')) };
};

export interface GatewayBenchOptions {
  readonly rounds: number;
  /** Requests of one sample: plain, and streamed with 20 chunks. */
  readonly plain: number;
  readonly streamed: number;
}

export const gatewayBench = async ({ rounds, plain, streamed }: GatewayBenchOptions): Promise<Comparison[]> => {
  const extension = path.extname(import.meta.filename);
  const servers = [
    { name: 'golek', server: await start(`golek-server${extension}`) },
    { name: 'bare node:http', server: await start(`bare-server${extension}`) },
  ];
  const own = [process.pid, ...servers.map(({ server }) => server.pid)];
  try {
    const results: Comparison[] = [];
    for (const [kind, model, requests, stream] of [
      ['plain', 'whole', plain, false],
      ['20-chunk stream', 'chunks', streamed, true],
    ] as const) {
      const body = JSON.stringify({
        model,
        messages: [{ role: 'user', content: 'Say twenty words, please.' }],
        temperature: 0.7,
        max_tokens: 64,
        stream,
      });
      const sides = servers.map(({ name, server }): Side => ({
        name: `${name}, ${kind}`,
        pid: server.pid,
        work: () => httpLoad({ port: server.port, path: PATH, body, connections: CONNECTIONS, requests }),
      }));
      results.push(...(await alternate(sides, rounds, own)));
    }
    return results;
  } finally {
    for (const { server } of servers) server.process.kill('SIGKILL');
  }
};
