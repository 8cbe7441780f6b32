import { mkdir, mkdtemp, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LifecycleEvent } from '@golek/api';
import { EVENTS } from '@golek/system';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { composeServer } from '../compose-server.ts';
import { loadSettings } from '../config/platform-config.ts';
import { HTTP_SERVER } from '../modules/http-module.ts';

let home: string;
beforeEach(async () => {
  home = await realpath(await mkdtemp(path.join(tmpdir(), 'golek-plugins-')));
  await mkdir(path.join(home, 'plugins'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** Files are changed as an editor does: whole, by a rename. */
const put = async (name: string, text: string): Promise<void> => {
  const file = path.join(home, 'plugins', name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(path.join(home, 'staged'), text);
  await rename(path.join(home, 'staged'), file);
};

/** Answers every request itself, and a route. */
const greeter = (version: string, text: string): string => `
import type { PluginHost } from '@golek/plugins-api';
import { definePlugin } from '@golek/plugins-api';
export default definePlugin({
  name: 'greeter',
  version: '${version}',
  setup(host: PluginHost<undefined>) {
    host.transform({
      name: 'answer',
      request: () => ({ answer: [
        { type: 'text', choice: 0, text: ${text} },
        { type: 'finish', choice: 0, reason: 'stop' },
        { type: 'usage', usage: { promptTokens: 1, completionTokens: 1 } },
      ] }),
    });
    host.route({ method: 'GET', path: '/greeting', scope: 'public', handle: () => ({ body: ${text} }) });
  },
});`;

const start = async (environment: Readonly<Record<string, string>> = {}) => {
  const settings = await loadSettings({
    environment: { GOLEK_HOME: home, GOLEK_HTTP_PORT: '0', GOLEK_LOG_LEVEL: 'silent', ...environment },
  });
  const { system } = await composeServer(settings);
  await system.start();
  const events: LifecycleEvent[] = [];
  system.get(EVENTS).subscribe(({ event }) => void events.push(event));
  const { url } = system.get(HTTP_SERVER).address;
  const admin = async (place = '', method = 'GET', body?: object): Promise<Record<string, unknown>> => {
    const init = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const response = await fetch(`${url}/admin/v1/plugins${place}`, { method, ...init });
    return (await response.json()) as Record<string, unknown>;
  };
  const ask = async (): Promise<string> => {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'golek-tiny', messages: [{ role: 'user', content: 'hi' }] }),
    });
    const answer = (await response.json()) as { choices?: { message: { content: string } }[] };
    return answer.choices?.[0]?.message.content ?? JSON.stringify(answer);
  };
  return { system, events, url, admin, ask };
};

test(
  'a file that changes, breaks, is repaired, appears and goes, while requests run: none fails',
  { timeout: 60_000 },
  async () => {
    await put('greeter.ts', greeter('1.0.0', "'one'"));
    const { system, events, url, admin, ask } = await start();
    await using _running = system;
    expect(await ask()).toBe('one');
    expect(await (await fetch(`${url}/greeting`)).text()).toBe('one');
    expect(await admin()).toMatchObject({ plugins: [{ name: 'greeter', state: 'running', version: '1.0.0' }] });

    const answers = new Set<string>();
    let done = false;
    const client = async (): Promise<void> => {
      while (!done) answers.add(await ask());
    };
    const clients = [client(), client(), client()];

    await put('lib/words.ts', "export const word: string = 'two';");
    await put('greeter.ts', `import { word } from './lib/words.ts';\n${greeter('2.0.0', 'word')}`);
    await expect.poll(ask, { timeout: 15_000 }).toBe('two');
    // A file that the plugin imports counts as its own.
    await put('lib/words.ts', "export const word: string = 'three';");
    await expect.poll(ask, { timeout: 15_000 }).toBe('three');

    await put('lib/words.ts', 'export const word: string = ');
    await expect.poll(() => events.some(({ type }) => type === 'plugin.failed'), { timeout: 15_000 }).toBe(true);
    expect(await ask()).toBe('three');
    expect(await admin('/greeter')).toMatchObject({
      state: 'running',
      lastError: { code: 'plugin_invalid', message: expect.stringContaining('words.ts') },
    });
    await put('lib/words.ts', "export const word: string = 'four';");
    await expect.poll(ask, { timeout: 15_000 }).toBe('four');
    expect(await admin('/greeter')).not.toHaveProperty('lastError');

    done = true;
    await Promise.all(clients);
    expect([...answers].filter((answer) => !['one', 'two', 'three', 'four'].includes(answer))).toEqual([]);

    await put('quiet.mjs', "export default { name: 'quiet', version: '1.0.0', setup() {} };");
    await expect.poll(async () => (await admin('/quiet'))['state'], { timeout: 15_000 }).toBe('running');
    await rm(path.join(home, 'plugins/greeter.ts'));
    await expect.poll(async () => (await fetch(`${url}/greeting`)).status, { timeout: 15_000 }).toBe(404);
    expect(await admin('/greeter')).toMatchObject({ error: { code: 'plugin_not_found' } });
  },
);

test(
  'a plugin that is disabled is not read, also after a restart, and comes back when it is enabled',
  { timeout: 60_000 },
  async () => {
    await put('greeter.ts', greeter('1.0.0', "'one'"));
    await put(
      'needy/package.json',
      JSON.stringify({ name: '@acme/needy', golek: { plugin: './dist/main.js', name: 'acme/needy' } }),
    );
    await put(
      'needy/dist/main.js',
      "export default { name: 'acme/needy', version: '1.0.0', requires: { greeter: '^1.0.0' }, setup() {} };",
    );
    {
      const { system, admin } = await start({ GOLEK_PLUGINS_WATCH: 'false' });
      await using _running = system;
      expect(await admin('/acme%2Fneedy')).toMatchObject({ state: 'running', requires: { greeter: '^1.0.0' } });
      expect(await admin('/greeter/disable', 'POST')).toMatchObject({
        error: { code: 'conflict', message: expect.stringContaining("is needed by 'acme/needy'") },
      });
      expect(await admin('/greeter/disable', 'POST', { forced: true })).toMatchObject({
        error: { code: 'unknown_parameter' },
      });
      expect(await admin('/greeter/disable', 'POST', { force: true })).toMatchObject({ state: 'disabled' });
      expect(await admin('/acme%2Fneedy')).toMatchObject({ state: 'stopped' });
    }
    await put('greeter.ts', 'globalThis.golekWasRead = true;');
    const { system, admin } = await start({ GOLEK_PLUGINS_WATCH: 'false' });
    await using running = system;
    expect(await admin('/greeter')).toMatchObject({ state: 'disabled' });
    expect(await admin('/acme%2Fneedy')).toMatchObject({
      state: 'failed',
      lastError: { message: expect.stringContaining("needs 'greeter' ^1.0.0, which is disabled") },
    });
    expect(globalThis).not.toHaveProperty('golekWasRead');
    await put('greeter.ts', greeter('1.1.0', "'again'"));
    expect(await admin('/greeter/enable', 'POST')).toMatchObject({ state: 'running', version: '1.1.0' });
    expect(await admin('/acme%2Fneedy')).toMatchObject({ state: 'running' });
    await put('greeter.ts', greeter('1.2.0', "'newer'"));
    expect(await admin('/greeter/reload', 'POST')).toMatchObject({ version: '1.2.0', replacements: 1 });
    expect(await admin('/greter/reload', 'POST')).toMatchObject({
      error: { code: 'plugin_not_found', message: expect.stringContaining("did you mean 'greeter'?") },
    });
    await put('late.js', "export default { name: 'late', version: '1.0.0', setup() {} };");
    expect(await admin('/rescan', 'POST')).toMatchObject({
      plugins: [{ name: 'greeter' }, { name: 'acme/needy' }, { name: 'late', state: 'running' }],
    });
    expect(running.state).toBe('running');
  },
);

test(
  'options of the configuration reach the plugin, and a change of them reloads it',
  { timeout: 60_000 },
  async () => {
    await put(
      'word.ts',
      `export default {
      name: 'word', version: '1.0.0',
      options: (raw) => { if (typeof raw.word !== 'string') throw new Error('word must be a text'); return raw; },
      setup(host) { host.route({ method: 'GET', path: '/word', scope: 'public', handle: () => ({ body: host.options.word }) }); },
    };`,
    );
    const { system, admin, url } = await start({ GOLEK_PLUGINS_OPTIONS: '{ "word": { "word": "first" } }' });
    await using running = system;
    const word = async (): Promise<string> => (await fetch(`${url}/word`)).text();
    expect(await word()).toBe('first');
    const set = (value: unknown): Promise<Response> =>
      fetch(`${url}/admin/v1/config/plugins.options`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ value }),
      });
    expect((await set({ word: { word: 'second' } })).status).toBe(200);
    await expect.poll(word, { timeout: 15_000 }).toBe('second');
    await set({ word: { word: 3 } });
    await expect
      .poll(async () => (await admin('/word'))['lastError'], { timeout: 15_000 })
      .toMatchObject({ message: expect.stringContaining('(plugins.options.word): word must be a text') });
    expect(await word()).toBe('second');
    expect(
      (
        await fetch(`${url}/admin/v1/config/plugins.folders`, {
          method: 'PUT',
          headers: { 'content-type': 'application/json' },
          body: '{"value":["/tmp"]}',
        })
      ).status,
    ).toBe(422);
    expect(running.state).toBe('running');
  },
);
