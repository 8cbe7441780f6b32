import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as ClassicClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as ClassicTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { home, startGolek, type RunningCli } from './spawn-cli.fixture.ts';

const PROGRAM = fileURLToPath(new URL('./cli.fixture.ts', import.meta.url));
const PARAMETERS = {
  command: process.execPath,
  args: ['--conditions=@golek/source', '--disable-warning=ExperimentalWarning', PROGRAM, 'mcp', '--home', home],
};
const LONG_MS = 60_000;

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};

/** Goes on for so many tokens that a test is over before it is. */
const ENDLESS = {
  jsonrpc: '2.0',
  id: 2,
  method: 'tools/call',
  params: {
    name: 'chat',
    arguments: { prompt: 'Tell a story.', temperature: 1.5, max_tokens: 900 },
    _meta: { progressToken: 'p' },
  },
};

const send = ({ child }: RunningCli, ...messages: readonly object[]): void => {
  for (const message of messages) child.stdin.write(`${JSON.stringify(message)}\n`);
};

/** An answer that is being written. */
const writing = async (cli: RunningCli): Promise<void> => {
  send(cli, INITIALIZE);
  await cli.line(/"id":1/);
  send(cli, { jsonrpc: '2.0', method: 'notifications/initialized' }, ENDLESS);
  await cli.line(/notifications\/progress/);
};

/** Processes whose parent is this one (Linux). */
const childrenOf = (parent: number | undefined): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        // Behind the name, which may hold anything: state, parent.
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
      } catch {
        return false;
      }
    });

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

describe('golek mcp', () => {
  it.each([{ modern: false }, { modern: true }])(
    'serves the current SDK (modern: $modern): tools, progress, cancel, resources',
    { timeout: LONG_MS },
    async ({ modern }) => {
      const client = new Client(
        { name: 'test', version: '1' },
        { versionNegotiation: { mode: modern ? { pin: '2026-07-28' } : 'legacy' } },
      );
      await client.connect(new StdioClientTransport(PARAMETERS));
      onTestFinished(() => client.close());
      const pieces: string[] = [];
      const told = await client.callTool(
        { name: 'chat', arguments: { prompt: 'Tell a story about a fox.', temperature: 0, max_tokens: 40 } },
        { onprogress: ({ message = '' }) => pieces.push(message) },
      );
      const { text, usage } = told.structuredContent as { text: string; usage: { completion_tokens: number } };
      expect(usage.completion_tokens).toBe(40);
      // The SDK drops a piece that comes together with the result, which has the whole text.
      expect(pieces[0]).not.toBe('');
      expect(text.startsWith(pieces.join(''))).toBe(true);
      const controller = new AbortController();
      const cancelled = client.callTool(
        { name: 'chat', arguments: ENDLESS.params.arguments },
        { signal: controller.signal, onprogress: () => controller.abort('enough') },
      );
      await expect(cancelled).rejects.toThrow();
      await expect
        .poll(async () => (await client.callTool({ name: 'list_requests', arguments: {} })).structuredContent, {
          timeout: 20_000,
        })
        .toEqual({ requests: [], total: 0 });
      const { contents } = await client.readResource({ uri: 'golek://models/golek-tiny' });
      expect(JSON.parse((contents[0] as { text: string }).text)).toMatchObject({ name: 'golek-tiny', state: 'ready' });
    },
  );

  it('serves the classic SDK, with the models that the command line names', { timeout: LONG_MS }, async () => {
    const client = new ClassicClient({ name: 'classic', version: '1' });
    await client.connect(new ClassicTransport(PARAMETERS));
    onTestFinished(() => client.close());
    await client.listTools();
    const schema = {
      type: 'object',
      properties: { name: { enum: ['Pip'] } },
      required: ['name'],
      additionalProperties: false,
    };
    expect(
      await client.callTool({ name: 'chat', arguments: { prompt: 'Who?', response_schema: schema, max_tokens: 50 } }),
    ).toMatchObject({
      structuredContent: { json: { name: 'Pip' }, finish_reason: 'stop' },
    });
    expect(await client.callTool({ name: 'embed', arguments: { input: 'a fox' } })).toMatchObject({
      structuredContent: { model: 'golek-embed' },
    });
  });

  it('writes messages only to standard output, whatever is logged', { timeout: LONG_MS }, async () => {
    const cli = startGolek(['mcp', '--log.level', 'trace', '--log.format', 'json']);
    await writing(cli);
    cli.child.stdin.end();
    const { code, out, err } = await cli.ended;
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0' });
    expect(err).toContain('"level":');
  });

  it(
    'ends when standard input does, in the midst of an answer, and takes its engine with it',
    { timeout: LONG_MS },
    async () => {
      const cli = startGolek(['mcp', '--gguf.isolation', 'process']);
      await writing(cli);
      const engines = childrenOf(cli.child.pid);
      expect(engines).not.toEqual([]);
      cli.child.stdin.end();
      expect((await cli.ended).code).toBe(0);
      await expect.poll(() => engines.filter(isAlive), { timeout: 20_000 }).toEqual([]);
    },
  );

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)(
    'ends at %s in the midst of an answer with the exit code %i',
    { timeout: LONG_MS },
    async (signal, expected) => {
      const cli = startGolek(['mcp']);
      await writing(cli);
      cli.child.kill(signal);
      const { code, err } = await cli.ended;
      expect(code).toBe(expected);
      expect(err).toBe('');
    },
  );

  it(
    'answers a line that is no message with nothing, says so on standard error and goes on',
    { timeout: LONG_MS },
    async () => {
      const cli = startGolek(['mcp']);
      cli.child.stdin.write('this is no message\n{"jsonrpc":"1.0"}\n');
      send(cli, INITIALIZE);
      await cli.line(/"id":1/);
      cli.child.stdin.end();
      const { code, out, err } = await cli.ended;
      expect(code).toBe(0);
      expect(out.trimEnd().split('\n')).toHaveLength(1);
      expect(err).toContain('not in order');
    },
  );

  it('refuses a default model that does not exist before a client waits for it', async () => {
    const cli = startGolek(['mcp', '--default-model', 'golek-tny']);
    const { code, out, err } = await cli.ended;
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toContain("did you mean 'golek-tiny'?");
  });
});
