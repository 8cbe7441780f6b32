import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { childrenOf, serve, untilReady, type GolekServer } from './golek-server.fixture.ts';

let folder: string;
let server: GolekServer;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'golek-wild-'));
  await mkdir(path.join(folder, 'plugins'));
  await copyFile(path.join(import.meta.dirname, 'external/wild-plugin.mjs'), path.join(folder, 'plugins/wild.mjs'));
  const config = path.join(folder, 'golek.yaml');
  await writeFile(
    config,
    'plugins:\n  folders: [plugins]\n  isolated:\n    wild: { memoryMb: 64, env: { TOKEN: env:WILD_TOKEN } }\n',
  );
  server = await serve({ args: ['--config', config], environment: { WILD_TOKEN: 'given', OTHER_TOKEN: 'kept' } });
  await untilReady(server.url);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Outcome {
  readonly status: number;
  readonly code?: string;
  readonly text?: string;
}

const chat = async (content: string): Promise<Outcome> => {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'golek-tiny', max_tokens: 4, messages: [{ role: 'user', content }] }),
  });
  const answer = (await response.json()) as {
    choices?: { message: { content: string } }[];
    error?: { code: string };
  };
  const text = answer.choices?.[0]?.message.content;
  return {
    status: response.status,
    ...(text !== undefined && { text }),
    ...(answer.error && { code: answer.error.code }),
  };
};

const post = async (deed: string): Promise<{ status: number; text: string }> => {
  const response = await fetch(`${server.url}/wild/${deed}`, { method: 'POST', body: 'hello' });
  return { status: response.status, text: await response.text() };
};

const pluginPid = async (): Promise<number> => Number((await post('nothing')).text.split(' ').at(-1));

describe('a server with an untrusted plugin', () => {
  it('serves its routes from a process of its own', async () => {
    expect(await post('nothing')).toEqual({ status: 202, text: expect.stringMatching(/^anonymous: hello from \d+$/) });
    expect(childrenOf(server.pid)).toContain(await pluginPid());
  });

  it('gives it the environment that it is granted, and no other', async () => {
    expect(JSON.parse((await post('environment')).text)).toEqual({ TOKEN: 'given' });
  });

  it.each([
    ['crash', { status: 502, code: 'plugin_failed' }],
    ['hang', { status: 502, code: 'plugin_failed' }],
    ['busy', { status: 502, code: 'plugin_failed' }],
    ['memory', { status: 502, code: 'plugin_failed' }],
    ['flood', { status: 502, code: 'plugin_failed' }],
    ['spy', { status: 502, code: 'plugin_failed' }],
    ['refuse', { status: 403, code: 'permission_denied' }],
    ['print', { status: 200, text: expect.any(String) }],
  ])(
    '%s: the request that asks for it gets that, ten others get answers',
    { timeout: 60_000 },
    async (deed, outcome) => {
      const bad = chat(`do ${deed}`);
      const others = await Promise.all(Array.from({ length: 10 }, (_, i) => chat(`Say ${i}.`)));
      expect(others.map(({ status }) => status)).toEqual(Array(10).fill(200));
      expect(await bad).toEqual(outcome);
    },
  );

  it('goes on when the process is killed from outside', async () => {
    const pid = await pluginPid();
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(async () => expect(await pluginPid()).not.toBe(pid), { timeout: 10_000, interval: 100 });
    expect((await chat('Still there?')).status).toBe(200);
  });

  it('leaves no process behind', { timeout: 60_000 }, async () => {
    const pid = await pluginPid();
    server.process.kill('SIGTERM');
    await server.exited;
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});
