import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { EVENTS } from '@golek/system';
import { expect, onTestFinished, test, vi } from 'vitest';
import { composeServer } from '../../compose-server.ts';
import { loadSettings } from '../../config/platform-config.ts';
import { HTTP_SERVER } from '../../modules/http-module.ts';

const TOKEN = 'hunter2-hunter2-hunter2-hunter2-hunter2';

const started = async (yaml: string) => {
  const home = await mkdtemp(path.join(tmpdir(), 'golek-routes-'));
  const file = path.join(home, 'golek.yaml');
  await writeFile(file, yaml);
  const settings = await loadSettings({
    environment: { GOLEK_HOME: home, GOLEK_HTTP_PORT: '0', GOLEK_LOG_LEVEL: 'silent', MY_TOKEN: TOKEN },
  });
  const { system } = await composeServer(settings);
  onTestFinished(async () => {
    await system.stop();
    await rm(home, { recursive: true, force: true });
  });
  await system.start();
  const { url } = system.get(HTTP_SERVER).address;
  const ask = async (method: string, place: string, body?: unknown) => {
    const response = await fetch(`${url}/admin/v1/config${place}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    expect(text).not.toContain(TOKEN);
    return { status: response.status, body: JSON.parse(text) as Record<string, unknown> };
  };
  return { ask, file, home, system, url };
};

const YAML = 'http: { adminToken: "env:MY_TOKEN" }\nlimits: { maxTools: 7 }\n';

test('settings are read, changed, refused and removed over HTTP; requests feel it at once', async () => {
  const { ask, url, home, system } = await started(YAML);
  const events: unknown[] = [];
  system.get(EVENTS).subscribe(({ event }) => events.push(event), ['config.changed', 'config.refused']);
  const { body: all } = await ask('GET', '');
  expect(all['home']).toBe(home);
  const settings = all['settings'] as { key: string; value: unknown }[];
  expect(settings.find(({ key }) => key === 'http.adminToken')?.value).toBe('env:MY_TOKEN');
  expect((await ask('GET', '/limits.maxTools')).body).toMatchObject({ value: 7, layer: 'file', live: true });

  const tools = Array.from({ length: 8 }, (_, index) => ({ type: 'function', function: { name: `t${index}` } }));
  const chat = async () => {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify({ model: 'golek-tiny', messages: [{ role: 'user', content: 'hi' }], max_tokens: 1, tools }),
    });
    return { status: response.status, text: await response.text() };
  };
  expect((await chat()).text).toContain('8 tools are more than the limit of 7');
  const { status, body: change } = await ask('PUT', '/limits.maxTools', { value: 9, expectedRevision: null });
  expect(status).toBe(200);
  expect(change).toEqual({ changed: ['limits.maxTools'], restart: [], revision: expect.any(String) });
  expect((await chat()).text).not.toContain('more than the limit');
  await ask('PUT', '/tenants', { value: { default: { 'limits.maxTools': 1 } } });
  expect((await chat()).text).toContain('8 tools are more than the limit of 1');
  await ask('DELETE', '/tenants');

  expect(await ask('PUT', '/limits.maxTools', { value: 10, expectedRevision: null })).toMatchObject({
    status: 409,
    body: { error: { code: 'conflict' } },
  });
  expect(await ask('PUT', '/limits.maxTools', { value: 'x' })).toMatchObject({
    status: 422,
    body: {
      error: { code: 'config_invalid', message: expect.stringContaining("'limits.maxTools' must be an integer") },
    },
  });
  expect(await ask('PUT', '/limits.maxTools', {})).toMatchObject({ status: 400 });
  expect(await ask('PUT', '/http.adminToken', { value: TOKEN })).toMatchObject({ status: 422 });
  expect(await ask('GET', '/limits.maxTool')).toMatchObject({ status: 400 });
  const revision = (await ask('GET', '/limits.maxTools')).body['revision'] as string;
  expect(revision).toBe(change['revision']);
  expect(await ask('DELETE', `/limits.maxTools?expectedRevision=${encodeURIComponent(revision)}`)).toMatchObject({
    status: 200,
    body: { changed: ['limits.maxTools'] },
  });
  expect((await ask('GET', '/limits.maxTools')).body).toMatchObject({ value: 7, layer: 'file' });
  expect(events.map((event) => (event as { type: string }).type)).toEqual([
    'config.changed',
    'config.changed',
    'config.changed',
    'config.refused',
    'config.refused',
    'config.changed',
  ]);
  expect(JSON.stringify(events)).not.toContain(TOKEN);
});

test('a file is tried, followed and read again on demand', async () => {
  const { ask, file } = await started(YAML);
  expect(await ask('POST', '/validate', { yaml: 'limits: { maxTools: 8 }\ngguf: { parallel: 2 }\n' })).toMatchObject({
    status: 200,
    body: { valid: true, changed: expect.arrayContaining(['limits.maxTools']), restart: ['gguf.parallel'] },
  });
  expect((await ask('POST', '/validate', { yaml: 'limits: { maxTols: 8 }\n' })).body).toEqual({
    valid: false,
    problems: [
      { key: 'limits.maxTols', message: `${file}:1:11: unknown key 'limits.maxTols'; did you mean 'limits.maxTools'?` },
    ],
  });
  await writeFile(file, YAML.replace('7', '8'));
  await vi.waitFor(async () => expect((await ask('GET', '/limits.maxTools')).body['value']).toBe(8), 20_000);
  await writeFile(file, YAML.replace('7', 'x'));
  expect(await ask('POST', '/reload')).toMatchObject({ status: 422 });
  await writeFile(file, YAML.replace('7', '11'));
  expect(await ask('POST', '/reload')).toMatchObject({ status: 200 });
  expect((await ask('GET', '/limits.maxTools')).body['value']).toBe(11);
});
