import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { childrenOf, serve, untilReady, type GolekServer } from './golek-server.fixture.ts';

const BIN = path.resolve(import.meta.dirname, '../../platform-runtime/bin/golek.js');
const require = createRequire(import.meta.url);
const SUITE = require.resolve('@modelcontextprotocol/conformance/dist/index.js');

/** Scenarios of the conformance suite that ask for no tool, resource or prompt of the suite's own; those are tried beside the transport, in apps/platform-runtime. */
const OWN_SCENARIOS = [
  'server-initialize',
  'ping',
  'tools-list',
  'resources-list',
  'server-sse-multiple-streams',
  'dns-rebinding-protection',
];

const ENDLESS = { prompt: 'Tell a story.', temperature: 1.5, max_tokens: 900 };

const connect = async ({ url }: GolekServer): Promise<Client> => {
  const client = new Client({ name: 'e2e', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', url)));
  onTestFinished(() => client.close());
  return client;
};

const running = async (client: Client): Promise<unknown> => {
  const { structuredContent } = await client.callTool({ name: 'list_requests', arguments: {} });
  return (structuredContent as { total: number }).total;
};

/** A client in a process of its own, which calls a tool that takes long and can be killed. */
const CLIENT = `
  const [url, call] = process.argv.slice(1);
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const post = (body, more) => fetch(url, { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify({ jsonrpc: '2.0', ...body }) });
  const begun = await post({ id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } } });
  await begun.text();
  const answer = await post({ id: 2, method: 'tools/call', params: JSON.parse(call) }, { 'mcp-session-id': begun.headers.get('mcp-session-id') });
  await answer.text();
`;

describe('golek serve', () => {
  it('passes what the conformance suite asks of any server', { timeout: 120_000 }, async () => {
    await using server = await serve();
    await untilReady(server.url);
    const folder = await mkdtemp(path.join(tmpdir(), 'golek-e2e-mcp-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const outcome: Record<string, readonly string[]> = {};
    for (const scenario of OWN_SCENARIOS) {
      const args = ['server', '--url', `${server.url}/mcp`, '--scenario', scenario, '-o', path.join(folder, scenario)];
      const suite = spawn(process.execPath, [SUITE, ...args], { stdio: 'ignore' });
      await once(suite, 'close');
      const [results = ''] = await readdir(path.join(folder, scenario));
      const text = await readFile(path.join(folder, scenario, results, 'checks.json'), 'utf8');
      const checks = JSON.parse(text) as { readonly status: string; readonly errorMessage?: string }[];
      outcome[scenario] = [...new Set(checks.map(({ status, errorMessage }) => errorMessage ?? status))];
    }
    expect(outcome).toEqual(Object.fromEntries(OWN_SCENARIOS.map((scenario) => [scenario, ['SUCCESS']])));
  });

  it('serves several clients at once, and frees the run of one that is killed', { timeout: 60_000 }, async () => {
    await using server = await serve();
    await untilReady(server.url);
    const [client, other] = await Promise.all([connect(server), connect(server)]);
    const call = JSON.stringify({ name: 'chat', arguments: ENDLESS });
    const killed = spawn(process.execPath, ['--input-type=module', '-e', CLIENT, `${server.url}/mcp`, call], {
      stdio: 'ignore',
    });
    await expect.poll(() => running(client), { timeout: 20_000 }).toBe(1);
    const asked = other.callTool({ name: 'chat', arguments: { prompt: 'Hello!', max_tokens: 5 } });
    killed.kill('SIGKILL');
    await expect.poll(() => running(client), { timeout: 20_000 }).toBe(0);
    expect(await asked).toMatchObject({ structuredContent: { model: 'golek-tiny' } });
    expect(await client.callTool({ name: 'embed', arguments: { input: 'a fox' } })).toMatchObject({
      structuredContent: { model: 'golek-embed' },
    });
    const { structuredContent } = await client.callTool({ name: 'unload_model', arguments: { model: 'golek-tiny' } });
    expect(structuredContent).toMatchObject({ state: 'unloaded' });
  });

  it('stops although clients listen, and lets a call end before', { timeout: 60_000 }, async () => {
    await using server = await serve();
    await untilReady(server.url);
    const [client, listening] = await Promise.all([connect(server), connect(server)]);
    expect((await listening.listTools()).tools).not.toEqual([]);
    const begun = Promise.withResolvers<undefined>();
    const call = client.callTool(
      { name: 'chat', arguments: { prompt: 'Tell a story.', temperature: 0, max_tokens: 200 } },
      { onprogress: () => begun.resolve(undefined) },
    );
    await begun.promise;
    server.process.kill('SIGTERM');
    expect(await call).toMatchObject({ structuredContent: { model: 'golek-tiny' } });
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });
});

/** A client that starts `golek mcp` and tells its process id; the pipe to it ends with the client. */
const PARENT = `
  import { spawn } from 'node:child_process';
  const child = spawn(process.execPath, process.argv.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
  const send = (message) => child.stdin.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
  send({ id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } } });
  send({ method: 'notifications/initialized' });
  send({ id: 2, method: 'tools/call', params: { name: 'chat', arguments: ${JSON.stringify(ENDLESS)}, _meta: { progressToken: 1 } } });
  child.stdout.on('data', (data) => { if (String(data).includes('notifications/progress')) console.log('pid ' + child.pid); });
`;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('golek mcp', () => {
  it('ends with its engine when its client is killed in the midst of an answer', { timeout: 60_000 }, async () => {
    const home = await mkdtemp(path.join(tmpdir(), 'golek-e2e-mcp-'));
    onTestFinished(() => rm(home, { recursive: true }));
    const args = [BIN, 'mcp', '--home', home, '--gguf.isolation', 'process'];
    const client = spawn(process.execPath, ['--input-type=module', '-e', PARENT, ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let output = '';
    client.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    await expect.poll(() => output, { timeout: 30_000 }).toContain('pid ');
    const pid = Number(/pid (\d+)/.exec(output)?.[1]);
    const processes = [pid, ...childrenOf(pid)];
    expect(processes.length).toBeGreaterThan(1);
    client.kill('SIGKILL');
    await expect.poll(() => processes.filter(isAlive), { timeout: 20_000 }).toEqual([]);
  });
});
