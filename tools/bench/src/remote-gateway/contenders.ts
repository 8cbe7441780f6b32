/** What stands between client and upstream, each a process of its own. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer, connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild, startServer, type BenchServer } from '../bench-server.ts';

export interface Contender extends BenchServer {
  readonly name: string;
  /** Headers that every request needs. */
  readonly headers: Readonly<Record<string, string>>;
}

const require = createRequire(import.meta.url);
const START_MS = 60_000;

/** `golek serve` of this clone. */
const GOLEK = path.join(path.dirname(require.resolve('@golek/platform-runtime/package.json')), 'bin', 'golek.js');

export interface GolekOptions {
  readonly name?: string;
  readonly upstream: BenchServer;
  readonly collector: BenchServer;
  /** Models of the upstream. */
  readonly models: readonly string[];
  /** golek.js; default this clone's. */
  readonly program?: string;
  /** Arguments of Node. */
  readonly nodeArgs?: readonly string[];
}

/** `golek serve` as it is by default: all phases, request log, metrics, and a tenth of the traces over OTLP. */
export const startGolekGateway = async (options: GolekOptions): Promise<Contender> => {
  const { name = 'golek', upstream, collector, models, program = GOLEK, nodeArgs = [] } = options;
  const home = mkdtempSync(path.join(tmpdir(), 'golek-bench-'));
  process.once('exit', () => rmSync(home, { recursive: true, force: true }));
  const configuration = {
    upstreams: [{ id: 'upstream', baseUrl: `http://127.0.0.1:${upstream.port}/v1` }],
    models: { list: models.map((model) => ({ name: model, provider: 'upstream', model })) },
    telemetry: { otlp: { endpoint: `http://127.0.0.1:${collector.port}` } },
  };
  // JSON is YAML.
  writeFileSync(path.join(home, 'golek.yaml'), JSON.stringify(configuration));
  const { first, ...started } = await startChild([...nodeArgs, program, 'serve', '--port=0'], {
    ...process.env,
    GOLEK_HOME: home,
  });
  const port = /listens on \S+:(\d+)/.exec(first)?.[1];
  if (port === undefined) throw new Error(`golek serve said '${first.trim()}' in place of its address`);
  return { ...started, name, port: Number(port), headers: {} };
};

/** A port that was free a moment ago, for a server that cannot choose one itself. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
};

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

/** Portkey's gateway without its page of logs, which keeps every request. */
export const startPortkey = async (upstream: BenchServer): Promise<Contender> => {
  const port = await freePort();
  const folder = path.dirname(require.resolve('@portkey-ai/gateway/package.json'));
  const program = path.join(folder, 'build', 'start-server.js');
  const { process: child, pid } = await startChild([program, `--port=${port}`, '--headless']);
  for (const end = performance.now() + START_MS; !(await isOpen(port)); await sleep(50))
    if (performance.now() > end) throw new Error(`the gateway of Portkey does not listen on port ${port}`);
  const headers = {
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `http://127.0.0.1:${upstream.port}/v1`,
    authorization: 'Bearer none',
  };
  return { name: 'portkey', process: child, pid, port, headers };
};

export const startPassThrough = async (upstream: BenchServer): Promise<Contender> => ({
  ...(await startServer('remote-gateway/pass-through-server', [String(upstream.port)])),
  name: 'bare node:http',
  headers: {},
});
