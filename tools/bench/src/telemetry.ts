/** What traces and their export cost a request: the same server with and without, in turn. */
import { alternate, type Comparison, type Side } from './alternate.ts';
import { startGolek, startServer } from './bench-server.ts';
import { CONNECTIONS, KINDS, requestBody, CHAT_PATH, type GatewayBenchOptions } from './gateway.ts';
import { httpLoad } from './http-load.ts';

/** Pairs: each ratio of sampled traces beside a server that records none. */
export const telemetryBench = async ({ rounds, ...counts }: GatewayBenchOptions): Promise<Comparison[]> => {
  const collector = await startServer('collector-server');
  const off = { name: 'no collector', server: await startGolek(undefined) };
  const on = [
    { name: '10 % sampled', server: await startGolek(collector, 0.1) },
    { name: 'all sampled', server: await startGolek(collector, 1) },
  ];
  const servers = [collector, off.server, ...on.map(({ server }) => server)];
  const own = [process.pid, ...servers.map(({ pid }) => pid)];
  try {
    const results: Comparison[] = [];
    for (const { kind, model, stream } of KINDS) {
      const body = requestBody(model, stream);
      const requests = stream ? counts.streamed : counts.plain;
      for (const each of on) {
        const sides = [each, off].map(({ name, server }): Side => ({
          name: `${name}, ${kind}`,
          pid: server.pid,
          work: async () =>
            (await httpLoad({ port: server.port, path: CHAT_PATH, body, connections: CONNECTIONS, requests })).length,
        }));
        results.push(...(await alternate(sides, rounds, own)));
      }
    }
    return results;
  } finally {
    for (const server of servers) server.process.kill('SIGKILL');
  }
};
