import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { beatenFlags } from './beaten-flags.ts';
import { httpConfig } from './http-config.ts';
import { expandPath, loadSettings } from './platform-config.ts';

let base: string;
beforeEach(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'golek-settings-'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

const put = async (name: string, text: string): Promise<string> => {
  const file = path.join(base, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
};

test('golek.yaml of the data folder is read where there is one', async () => {
  const environment = { GOLEK_HOME: path.join(base, 'home') };
  const without = await loadSettings({ environment });
  expect(without).toMatchObject({ file: undefined, data: { root: path.join(base, 'home') } });
  expect(without.configuration.get(httpConfig).host).toBe('127.0.0.1');

  const file = await put('home/golek.yaml', 'http: { host: localhost }\n');
  const settings = await loadSettings({ environment });
  expect(settings.file).toBe(file);
  expect(settings.configuration.get(httpConfig).host).toBe('localhost');
  expect(settings.configuration.explain('http.host').source).toBe(`${file}:1:15`);
});

test('the flag names the file before the environment does, and a named file must exist', async () => {
  const one = await put('one.yaml', 'http: { port: 1 }\n');
  const two = await put('two.yaml', 'http: { port: 2 }\n');
  const environment = { GOLEK_CONFIG: one, GOLEK_HOME: base };
  expect((await loadSettings({ environment })).configuration.get(httpConfig).port).toBe(1);
  expect((await loadSettings({ environment, file: two })).configuration.get(httpConfig).port).toBe(2);
  await expect(loadSettings({ environment, file: path.join(base, 'none.yaml') })).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining('none.yaml does not exist'),
  });
});

test('a relative home in the file is relative to the file; a flag beats it', async () => {
  const file = await put('etc/golek.yaml', 'home: ../data\n');
  expect((await loadSettings({ environment: {}, file })).data.root).toBe(path.join(base, 'data'));
  const flags = [{ key: 'home', value: path.join(base, 'other'), flag: '--home' }];
  expect((await loadSettings({ environment: {}, file, flags })).data.root).toBe(path.join(base, 'other'));
});

test('problems in the environment are found before a file is looked for', async () => {
  await expect(loadSettings({ environment: { GOLEK_HTTP_PROT: '1' } })).rejects.toThrow(
    'did you mean GOLEK_HTTP_PORT?',
  );
});

test('origins are as browsers send them', async () => {
  const given = (origins: string) =>
    loadSettings({ environment: { GOLEK_HOME: base, GOLEK_HTTP_ORIGINS: origins }, stored: false });
  const good = ['*', 'https://app.example.com', 'http://localhost:5173', 'http://[::1]:8080', 'app://obsidian.md'];
  expect((await given(good.join(','))).configuration.get(httpConfig).origins).toEqual(good);
  for (const bad of [
    'https://app.example.com/',
    'https://app.example.com:443',
    'https://App.example.com',
    'https://*.example.com',
    'app.example.com',
    'null',
    'https://',
  ]) {
    await expect(given(bad), bad).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining("an origin is as browsers send it, e.g. 'https://app.example.com'"),
    });
  }
});

test('~ is the home folder of the user', () => {
  expect(expandPath('~', '/x')).toBe(homedir());
  expect(expandPath('~/models', '/x')).toBe(path.join(homedir(), 'models'));
  expect(expandPath('~other', '/x')).toBe('/x/~other');
  expect(expandPath('a/b', '/x')).toBe('/x/a/b');
  expect(expandPath('/a', '/x')).toBe('/a');
});

test('what is stored counts, and says which flags it beats', async () => {
  const environment = { GOLEK_HOME: base, GOLEK_HTTP_PORT: '1' };
  const { store } = await loadSettings({ environment });
  await store.put('config/http.port', 3, { signal: new AbortController().signal });
  const flags = [{ key: 'http.port', value: '2', flag: '--port' }];
  const { configuration } = await loadSettings({ environment, flags });
  expect(configuration.get(httpConfig).port).toBe(3);
  const remedy = "a stored value of 'http.port' beats it; remove that with: golek config unset http.port";
  expect(beatenFlags(configuration)).toEqual([
    `GOLEK_HTTP_PORT has no effect: ${remedy}`,
    `--port has no effect: ${remedy}`,
  ]);
  const without = await loadSettings({ environment, flags, stored: false });
  expect(without.configuration.get(httpConfig).port).toBe(2);
  await store.put('config/home', '/x', { signal: new AbortController().signal });
  await expect(loadSettings({ environment })).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining('remove it with: golek config unset home'),
  });
});
