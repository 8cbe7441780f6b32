import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { golek, home, startGolek } from './spawn-cli.fixture.ts';

const elsewhere = mkdtempSync(path.join(tmpdir(), 'golek-config-'));
afterAll(() => rmSync(elsewhere, { recursive: true, force: true }));

const put = (name: string, text: string): string => {
  const file = path.join(elsewhere, name);
  writeFileSync(file, text);
  return file;
};

const config = (...args: string[]) => golek(['config', ...args]);

describe('without a server', () => {
  test('set, get, explain and unset work on the data folder', async () => {
    const file = put('golek.yaml', 'limits: { maxTools: 7 }\n');
    const set = await config('set', 'limits.maxTools', '9', '--config', file);
    expect(set).toMatchObject({ code: 0, err: '' });
    expect(set.out).toBe(
      'limits.maxTools is set; no server with this data folder answers at the configured address: it counts from the next start, and at once where one runs\n',
    );
    expect(await config('get', 'limits.maxTools', '--config', file)).toMatchObject({ code: 0, out: '9\n' });
    const explained = JSON.parse(
      (await config('explain', 'limits.maxTools', '--config', file, '--json')).out,
    ) as object;
    const store = path.join(home, 'settings/values.json');
    expect(explained).toMatchObject({
      key: 'limits.maxTools',
      value: 9,
      layer: 'stored',
      source: `stored in ${store}`,
      overrides: [{ value: 7, layer: 'file', source: `${file}:1:21` }],
      live: true,
      overridable: ['tenant'],
    });
    expect((await config('explain', 'limits.maxTools', '--config', file)).out).toContain(`beats: ${file}:1:21 = 7`);
    expect(await config('unset', 'limits.maxTools')).toMatchObject({ code: 0 });
    expect((await config('get', 'limits.maxTools', '--json')).out).toBe(
      '{\n  "key": "limits.maxTools",\n  "value": 128\n}\n',
    );
  });

  test('a tenant has its own', async () => {
    expect(await config('set', 'limits.maxTools', '3', '--tenant', 'acme')).toMatchObject({ code: 0, err: '' });
    expect((await config('get', 'limits.maxTools', '--tenant', 'acme')).out).toBe('3\n');
    expect((await config('get', 'limits.maxTools')).out).toBe('128\n');
    const refused = await config('set', 'http.port', '3', '--tenant', 'acme');
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("for the tenant 'acme': 'http.port' cannot be set for a tenant");
    expect(await config('unset', 'limits.maxTools', '--tenant', 'acme')).toMatchObject({ code: 0, err: '' });
    expect((await config('get', 'tenants')).out).toBe('{}\n');
    await config('unset', 'tenants');
  });

  test.each([
    [['limits.maxTools', 'many'], 2, "'limits.maxTools' must be an integer from 1 to 10000, got 'many'"],
    [['limits.maxTools', '0'], 2, "'limits.maxTools' must be an integer from 1 to 10000, got 0"],
    [['limits.maxTool', '1'], 1, "did you mean 'limits.maxTools'?"],
    [['home', '/x'], 2, "'home' says where settings or code come from and cannot be stored"],
    [['http.adminToken', 'hunter2hunter2hunter2hunter2'], 2, "'http.adminToken' holds a secret"],
  ])('config set %j is refused', async (args, code, message) => {
    const refused = await config('set', ...args);
    expect(refused).toMatchObject({ code, out: '' });
    expect(refused.err).toContain(message);
    expect(refused.err).not.toContain('hunter2');
  });

  test('a stored value that stops the start can be removed', async () => {
    await config('set', 'limits.maxTools', '9');
    const store = path.join(home, 'settings/values.json');
    writeFileSync(store, readFileSync(store, 'utf8').replace('limits.maxTools', 'limits.goneKey'));
    const broken = await config('get', 'limits.maxTools');
    expect(broken.code).toBe(2);
    expect(broken.err).toContain(
      `stored in ${store}: no setting is named 'limits.goneKey'; remove it with: golek config unset limits.goneKey`,
    );
    expect(await config('unset', 'limits.goneKey')).toMatchObject({ code: 0, err: '' });
    expect(await config('get', 'limits.maxTools')).toMatchObject({ code: 0, out: '128\n' });
  });

  test('validate tells every problem with its place', async () => {
    const file = put('wrong.yaml', 'http:\n  prt: 1\n  port: x\nlimits: { maxTools: 0 }\n');
    const { code, out, err } = await config('validate', file);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(
      err
        .split('\n')
        .filter(Boolean)
        .map((line) => line.slice(file.length)),
    ).toEqual([
      ":2:3: unknown key 'http.prt'; did you mean 'http.port'?",
      ":3:9: 'http.port' must be an integer from 0 to 65535, got 'x' (a text: remove the quotes?)",
      ":4:21: 'limits.maxTools' must be an integer from 1 to 10000, got 0",
    ]);
    const json = JSON.parse((await config('validate', file, '--json')).out) as { valid: boolean; problems: unknown[] };
    expect(json).toMatchObject({
      valid: false,
      problems: [{ key: 'http.prt' }, { key: 'http.port' }, { key: 'limits.maxTools' }],
    });
    expect(await config('validate', put('right.yaml', 'http: { port: 1 }\n'))).toMatchObject({
      code: 0,
      out: 'the configuration is valid\n',
    });
  });

  test('validate warns of settings of plugins that are not there, and passes', async () => {
    const folder = path.join(elsewhere, 'found');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'cache.ts'), '');
    const file = put('plugins.yaml', `plugins: { folders: ['${folder}'], options: { cahce: { ttl: 1 } } }\n`);
    const warning = "plugins.options names the plugin 'cahce', which is not there; did you mean 'cache'?";
    expect(await config('validate', file)).toMatchObject({
      code: 0,
      out: 'the configuration is valid\n',
      err: `warning: ${warning}\n`,
    });
    expect(JSON.parse((await config('validate', file, '--json')).out)).toEqual({
      valid: true,
      problems: [],
      warnings: [warning],
    });
  });

  test('schema and list', async () => {
    const schema = JSON.parse((await config('schema')).out) as { properties: object };
    expect(Object.keys(schema.properties)).toContain('limits');
    const listed = JSON.parse((await config('list', '--changed', '--json')).out) as { settings: { key: string }[] };
    expect(listed.settings.map(({ key }) => key)).toEqual(['home', 'http.port']);
    expect((await config('list')).out).toMatch(/^SETTING +VALUE +FROM\n[\s\S]*\nlimits\.maxTools +128 +default\n/);
  });
});

describe('with a running server', () => {
  test('set and unset take effect at once, the file is followed, a mistake is refused', async () => {
    const file = put('served.yaml', 'limits: { maxTools: 7 }\nlog: { level: warn }\n');
    const server = startGolek(['serve', '--config', file, '--log-format', 'json']);
    try {
      const [url = ''] = /http:\/\/\S+/.exec(await server.line(/http:\/\//)) ?? [];
      const port = new URL(url).port;
      const ask = (...args: string[]) => golek(['config', ...args, '--port', port, '--config', file], '', {});
      const set = await ask('set', 'limits.maxTools', '9');
      expect(set).toMatchObject({ code: 0, err: '', out: 'limits.maxTools is set; it is in effect\n' });
      expect((await ask('get', 'limits.maxTools', '--server')).out).toBe('9\n');
      expect((await ask('set', 'gguf.parallel', '2')).out).toContain('it takes effect after a restart of the server');
      expect((await ask('explain', 'gguf.parallel', '--server')).out).toContain('after a restart: 2 from stored in');
      const stale = await ask('set', 'limits.maxTools', '10', '--if-revision', 'other');
      expect(stale.code).toBe(1);
      expect(stale.err).toContain('[conflict]');
      const refused = await ask('set', 'limits.maxTools', '20000');
      expect(refused.code).toBe(2);
      expect(refused.err).toContain("'limits.maxTools' must be an integer from 1 to 10000, got 20000");
      expect((await ask('unset', 'limits.maxTools')).out).toBe('limits.maxTools is unset; it is in effect\n');
      await ask('unset', 'gguf.parallel');
      expect((await ask('set', 'limits.maxTools', '4', '--tenant', 'acme')).out).toContain('for the tenant acme');
      expect((await ask('get', 'limits.maxTools', '--tenant', 'acme', '--server')).out).toBe('4\n');
      await ask('unset', 'tenants');
      const wrong = put('wrong2.yaml', 'limits: { maxTools: x }\n');
      const validated = await ask('validate', wrong, '--server');
      expect(validated.code).toBe(2);
      expect(validated.err).toContain("'limits.maxTools' must be an integer");
      // A data folder of its own has nothing to do with this server.
      const other = await golek(['config', 'set', 'limits.maxTools', '5', '--port', port, '--home', elsewhere]);
      expect(other.out).toContain('no server with this data folder answers');
      expect((await ask('get', 'limits.maxTools', '--server')).out).toBe('7\n');
    } finally {
      server.child.kill('SIGTERM');
    }
    expect((await server.ended).code).toBe(0);
  }, 120_000);
});
