import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from './cli.ts';
import { createPlugin } from './create-plugin.ts';
import { TEMPLATES, type Template } from './templates.ts';
import { TOOL_VERSIONS } from './versions.ts';

const run = promisify(execFile);
const PACKAGE = path.join(import.meta.dirname, '..');
let folder: string;

beforeAll(async () => {
  // Inside the repository, so that the plugin finds the packages of the workspace without being installed.
  await mkdir(path.join(PACKAGE, 'test-results'), { recursive: true });
  folder = await mkdtemp(path.join(PACKAGE, 'test-results', 'plugin-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const cli = async (...args: string[]) => {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCli(args, {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
  });
  return { code, out: out.join(''), err: err.join('') };
};

describe.each(Object.keys(TEMPLATES) as Template[])('template %s', (template) => {
  it('passes its own test, against the source of the workspace', { timeout: 60_000 }, async () => {
    const { folder: made, files } = await createPlugin({ folder: path.join(folder, template), template });
    expect(files).toContain('.gitignore');
    const texts = await Promise.all(files.map((file) => readFile(path.join(made, file), 'utf8')));
    expect(texts.filter((text) => text.includes('{{'))).toEqual([]);
    const { stdout } = await run(process.execPath, ['--conditions=@golek/source', '--test', 'test/**/*.test.ts'], {
      cwd: made,
      // A test runner within a test runner takes orders from it by these.
      env: { ...process.env, NODE_OPTIONS: '', FORCE_COLOR: '0', NODE_TEST_CONTEXT: undefined },
    }).catch((error: unknown) => error as { stdout: string });
    expect(stdout).toMatch(/fail 0\n/);
    expect(stdout).not.toMatch(/pass 0\n/);
  });
});

describe('the package of a new plugin', () => {
  it('has exact versions, those of this repository', async () => {
    const { folder: made } = await createPlugin({ folder: path.join(folder, 'versions'), name: '@acme/shout' });
    const manifest = JSON.parse(await readFile(path.join(made, 'package.json'), 'utf8')) as {
      name: string;
      golek: unknown;
      devDependencies: Record<string, string>;
    };
    const root = JSON.parse(await readFile(path.join(PACKAGE, '../../package.json'), 'utf8')) as {
      version: string;
      devDependencies: Record<string, string>;
    };
    expect(manifest).toMatchObject({ name: '@acme/shout', golek: { plugin: './dist/index.js' } });
    for (const [name, version] of Object.entries(TOOL_VERSIONS)) expect(version).toBe(root.devDependencies[name]);
    for (const version of Object.values(manifest.devDependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(await readFile(path.join(made, 'src/index.ts'), 'utf8')).toContain("path: '/shout/:greeting'");
  });
});

describe('the command', () => {
  it('says what it made and what comes next', async () => {
    const made = path.join(folder, 'made');
    const { code, out } = await cli(made, '--template', 'authenticator');
    expect(code).toBe(0);
    expect(out).toContain("Plugin 'made' is in");
    expect(out).toContain('src/index.ts');
    expect(out).toContain('npm install\n  npm test\n  npm run build');
  });

  it('leaves a folder that is not empty as it is', async () => {
    const full = path.join(folder, 'full');
    await mkdir(full);
    await writeFile(path.join(full, 'mine.txt'), 'mine');
    expect(await cli(full)).toMatchObject({
      code: 1,
      err: expect.stringContaining("is not empty (it has 'mine.txt')"),
    });
    expect(await cli(path.join(full, 'mine.txt'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('it is a file'),
    });
  });

  it.each([
    ['Shout', "write it in lower case: 'shout'"],
    ['two words', 'use lower-case letters'],
    ['-dash', 'use lower-case letters'],
    ['@golek/mine', "the scope '@golek' is Golek's own"],
    ['x'.repeat(200), 'it has 200 characters'],
    ['../up', 'use lower-case letters'],
  ])('refuses the name %s', async (name, message) => {
    const { code, err } = await cli(path.join(folder, 'refused'), `--name=${name}`);
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining(message) });
  });

  it.each([
    [[], 'say which folder'],
    [['a', 'b'], "'b' is too much"],
    [['a', '--template', 'cake'], "no template 'cake'; there are: transform, authenticator, provider"],
    [['a', '--cake'], '--cake'],
  ])('explains wrong use: %j', async (args, message) => {
    const { code, err } = await cli(...args);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(message) });
  });

  it('helps', async () => {
    const { code, out } = await cli('--help');
    expect(code).toBe(0);
    for (const template of Object.keys(TEMPLATES)) expect(out).toContain(template);
    expect((await cli('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
