import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { serve, untilReady } from './golek-server.fixture.ts';
import { pack } from './pack.fixture.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const run = promisify(execFile);
const INSTALL_FLAGS = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];

/** What a plugin's author installs from the registry, packed from this workspace. */
const PACKAGES = ['api', 'plugins-api', 'providers-spi', 'kernel'];

let folder: string;
let tarballs: string[];
let command: string;
/** A generated plugin with everything installed. */
let shout: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'golek-generator-'));
  tarballs = [];
  for (const name of PACKAGES) tarballs.push(await pack(path.join(ROOT, 'packages', name), folder));
  const generator = await pack(path.join(ROOT, 'packages/create-golek-plugin'), folder);
  await writeFile(path.join(folder, 'package.json'), '{ "private": true }');
  await run('npm', ['install', ...INSTALL_FLAGS, generator], { cwd: folder });
  command = path.join(folder, 'node_modules/.bin/create-golek-plugin');
  shout = path.join(folder, 'work/shout');
  await run(command, [shout], { cwd: folder });
  await run('npm', ['install', '--no-save', ...INSTALL_FLAGS, ...tarballs], { cwd: shout });
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The tests must not take orders from the runner that they run in. */
const outside = { ...process.env, NODE_OPTIONS: '', FORCE_COLOR: '0', NODE_TEST_CONTEXT: undefined };

/** Tests and builds a plugin as its author would. */
const testAndBuild = async (made: string): Promise<void> => {
  const { stdout } = await run('npm', ['test'], { cwd: made, env: outside });
  expect(stdout).toMatch(/fail 0\n/);
  expect(stdout).not.toMatch(/pass 0\n/);
  await run('npm', ['run', 'build'], { cwd: made });
};

/** The plugin as it is published: without sources, tests and installed packages. */
const published = async (made: string, plugins: string): Promise<void> => {
  const target = path.join(plugins, path.basename(made));
  await mkdir(target, { recursive: true });
  await cp(path.join(made, 'package.json'), path.join(target, 'package.json'));
  await cp(path.join(made, 'dist'), path.join(target, 'dist'), { recursive: true });
};

const chat = async (url: string): Promise<string> => {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'golek-tiny', messages: [{ role: 'user', content: 'Who are you?' }] }),
  });
  const answer = (await response.json()) as { choices: { message: { content: string } }[] };
  return answer.choices[0]?.message.content ?? JSON.stringify(answer);
};

describe('a generated plugin', () => {
  it('is tested, built and loaded: in the server, and in a process of its own', { timeout: 180_000 }, async () => {
    await testAndBuild(shout);
    const manifest = JSON.parse(await readFile(path.join(shout, 'package.json'), 'utf8')) as object;
    expect(manifest).toMatchObject({ name: 'shout', golek: { plugin: './dist/index.js' } });
    const plugins = path.join(folder, 'plugins');
    await published(shout, plugins);
    for (const isolated of ['{}', '{ shout: { critical: true } }']) {
      const config = path.join(folder, 'golek.yaml');
      await writeFile(
        config,
        `plugins:\n  folders: [plugins]\n  isolated: ${isolated}\n  options: { shout: { suffix: '!' } }\n`,
      );
      await using server = await serve({ args: ['--config', config] });
      await untilReady(server.url);
      expect(await chat(server.url)).toMatch(/^I AM GOLEK-TINY.*!$/s);
      await vi.waitFor(async () => {
        const response = await fetch(`${server.url}/shout/hi`);
        expect(await response.json()).toEqual({ hi: 'anonymous', answers: 1, failures: 0 });
      });
    }
  });

  it.each(['authenticator', 'provider'])(
    'from the template %s passes its own test',
    { timeout: 180_000 },
    async (template) => {
      const made = path.join(folder, 'work', `my-${template}`);
      await run(command, [made, '--template', template], { cwd: folder });
      // All templates need the same packages.
      await symlink(path.join(shout, 'node_modules'), path.join(made, 'node_modules'));
      await testAndBuild(made);
    },
  );
});
