import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { golek, startGolek } from './spawn-cli.fixture.ts';

const HELLO = `export default { name: 'hello', version: '1.2.0', setup(host) {
  host.route({ method: 'GET', path: '/hello', scope: 'public', handle: () => ({ body: 'hi' }) });
} };`;

test(
  'golek plugins shows and switches the plugins of the running server, and lists folders without one',
  { timeout: 90_000 },
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'golek-cli-plugins-'));
    const environment = { GOLEK_PLUGINS_FOLDERS: JSON.stringify([folder]) };
    try {
      await writeFile(path.join(folder, 'hello.js'), HELLO);
      await writeFile(path.join(folder, 'sad.js'), "throw new Error('not today');");
      await mkdir(path.join(folder, 'empty'));
      await writeFile(path.join(folder, 'empty/package.json'), '{ "golek": { "plugin": "./none.js" } }');
      // Port 9 (discard): nobody listens there.
      const without = await golek(['plugins', 'list', '--json'], '', { ...environment, GOLEK_HTTP_PORT: '9' });
      expect(JSON.parse(without.out)).toMatchObject({
        running: false,
        plugins: [{ name: 'hello', disabled: false, isolated: false }, { name: 'sad' }],
        problems: [{ code: 'plugin_invalid', message: expect.stringContaining('none.js') }],
      });

      const server = startGolek(['serve', '--log-level', 'silent', '--plugins.folders', folder]);
      try {
        const port = new URL((await server.line(/^golek listens on/)).replace('golek listens on ', '')).port;
        const plugins = (...args: string[]) => golek(['plugins', ...args], '', { GOLEK_HTTP_PORT: port });
        const [list, info, misspelt] = await Promise.all([
          plugins('list'),
          plugins('info', 'hello'),
          plugins('info', 'helo'),
        ]);
        expect(list.out).toMatch(
          /^NAME +VERSION +STATE +HEALTH +ADDS\nhello +1\.2\.0 +running +ok +1 route\nsad +- +failed/,
        );
        expect(list.out).toContain('failed while it was loaded: not today');
        expect(info.out).toMatch(/routes +GET \/hello\n/);
        expect(misspelt).toMatchObject({ code: 1, err: expect.stringContaining("did you mean 'hello'?") });
        expect((await plugins('disable', 'hello')).out).toMatch(/state +disabled/);
        expect((await fetch(`http://127.0.0.1:${port}/hello`)).status).toBe(404);
        expect(JSON.parse((await plugins('enable', 'hello', '--json')).out)).toMatchObject({ state: 'running' });
        await writeFile(path.join(folder, 'hello.js'), HELLO.replace('1.2.0', '1.3.0'));
        expect((await plugins('reload', 'hello')).out).toMatch(/version +1\.3\.0/);
      } finally {
        server.child.kill('SIGTERM');
        await server.ended;
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
