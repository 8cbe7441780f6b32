import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { serve } from '../http/server.fixture.ts';
import { conformanceServer } from './conformance-server.fixture.ts';
import { McpEndpoint } from './mcp-endpoint.ts';
import { mcpRoutes } from './mcp-routes.ts';

const require = createRequire(import.meta.url);
const SUITE = require.resolve('@modelcontextprotocol/conformance/dist/index.js');

/** Scenarios that a server passes with the suite's own tools and resources; apps/e2e has those that Golek's own pass. */
const PASSED = [
  'server-initialize',
  'ping',
  'tools-list',
  'tools-call-simple-text',
  'tools-call-image',
  'tools-call-audio',
  'tools-call-embedded-resource',
  'tools-call-mixed-content',
  'tools-call-error',
  'tools-call-with-progress',
  'json-schema-2020-12',
  'resources-list',
  'resources-read-text',
  'resources-read-binary',
  'resources-templates-read',
  'resources-subscribe',
  'resources-unsubscribe',
  'completion-complete',
  'server-sse-multiple-streams',
  'dns-rebinding-protection',
];

const NOT_APPLICABLE: Readonly<Record<string, string>> = {
  'logging-set-level':
    'the log is the server owner’s and goes to the log of the server; the protocol deprecates it in 2026-07-28',
  'tools-call-with-logging': 'as logging-set-level',
  'tools-call-sampling': 'the models are here: no tool asks the client for one',
  'tools-call-elicitation': 'no tool asks the user of a client for anything',
  'elicitation-sep1034-defaults': 'as tools-call-elicitation',
  'elicitation-sep1330-enums': 'as tools-call-elicitation',
  'server-sse-polling': 'no tool closes its stream to be polled; answers are not kept for clients that come back',
  'prompts-list': 'Golek has no prompts to offer',
  'prompts-get-simple': 'as prompts-list',
  'prompts-get-with-args': 'as prompts-list',
  'prompts-get-embedded-resource': 'as prompts-list',
  'prompts-get-with-image': 'as prompts-list',
};

const conformance = async (...args: string[]): Promise<string> => {
  const child = spawn(process.execPath, [SUITE, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  await once(child, 'close');
  return output;
};

interface Check {
  readonly status: string;
  readonly errorMessage?: string;
}

it('knows every scenario of the suite', async () => {
  const listed = [...(await conformance('list', '--server')).matchAll(/^ {2}- (\S+)/gm)].map(([, name]) => name);
  expect([...PASSED, ...Object.keys(NOT_APPLICABLE)].toSorted()).toEqual(listed.toSorted());
});

it('passes every scenario that applies, on the transport of the MCP server', { timeout: 120_000 }, async () => {
  const made = Promise.withResolvers<McpEndpoint>();
  const server = await serve({}, { routes: mcpRoutes({ endpoint: () => made.promise, allowedOrigins: () => [] }) });
  const silent = (): undefined => undefined;
  const endpoint = new McpEndpoint({
    connect: conformanceServer,
    models: { watch: () => ({ [Symbol.dispose]: silent }) },
    sessions: { maxSessions: 64, sessionIdleMs: 60_000 },
    limits: () => ({ heartbeatMs: 10_000, writeTimeoutMs: 10_000 }),
    readOverrides: () => ({}),
    log: { debug: silent, info: silent, warn: silent, error: silent },
  });
  made.resolve(endpoint);
  const folder = await mkdtemp(path.join(tmpdir(), 'golek-conformance-'));
  onTestFinished(async () => {
    await endpoint.close();
    await rm(folder, { recursive: true });
  });
  await conformance('server', '--url', `${server.url}/mcp`, '--suite', 'all', '-o', folder);
  const outcome: Record<string, readonly (string | undefined)[]> = {};
  for (const name of await readdir(folder)) {
    const scenario = PASSED.find((one) => name.startsWith(`server-${one}-20`));
    if (scenario === undefined) continue;
    const checks = JSON.parse(await readFile(path.join(folder, name, 'checks.json'), 'utf8')) as Check[];
    outcome[scenario] = checks
      .map(({ status, errorMessage }) => errorMessage ?? status)
      .filter((one) => one !== 'INFO');
  }
  expect(Object.keys(outcome).toSorted()).toEqual(PASSED.toSorted());
  for (const scenario of PASSED) {
    expect({ scenario, checks: [...new Set(outcome[scenario])] }).toEqual({ scenario, checks: ['SUCCESS'] });
  }
});
