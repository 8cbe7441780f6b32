import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { isolatedPlugin } from './isolated-plugin.ts';
import { dropsPermissions } from './confinement.ts';
import { TestHost } from './test-host.fixture.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'golek-isolated-plugin-'));
const { signal } = new AbortController();
let program: ChildProcess | undefined;

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

const written = (name: string, text: string): string => {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
};

afterEach(() => void program?.kill('SIGKILL'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const start = async (mode: string): Promise<number> => {
  program = spawn(
    process.execPath,
    ['--conditions=@golek/source', path.join(import.meta.dirname, 'parent-program.fixture.ts'), mode],
    { stdio: ['ignore', 'pipe', 'inherit'], env: {} },
  );
  const [line] = (await once(createInterface(program.stdout!), 'line')) as [string];
  return Number(line);
};

describe("a plugin's process", () => {
  it.each(['idle', 'busy'])('ends with a parent that is killed, while it is %s', async (mode) => {
    if (mode === 'busy' && !(await dropsPermissions())) return;
    const pid = await start(mode);
    expect(isAlive(pid)).toBe(true);
    program?.kill('SIGKILL');
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 10_000);
  });

  it('does not keep a program running that has forgotten to stop it', async () => {
    const pid = await start('forgets');
    expect(program?.exitCode ?? (await once(program!, 'exit'))[0]).toBe(0);
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 10_000);
  });
});

describe('a module that is no usable plugin', () => {
  it.each([
    ['empty.mjs', '', { code: 'plugin_invalid', message: expect.stringContaining('default export') }],
    ['name.mjs', "export default { name: 'No Name', version: '1', setup() {} }", { code: 'plugin_invalid' }],
    [
      'throws.mjs',
      "throw new Error('at load')",
      { code: 'plugin_failed', message: expect.stringContaining('at load') },
    ],
    ['exits.mjs', 'process.exit(9)', { code: 'plugin_failed', message: expect.stringContaining('exit code 9') }],
    [
      'busy.mjs',
      'for (;;);',
      { code: 'plugin_failed', message: expect.stringMatching(/not ready within|took longer than/) },
    ],
    [
      'imports.mjs',
      "import 'left-pad'; export default {}",
      { code: 'plugin_failed', message: expect.stringContaining('left-pad') },
    ],
  ])('%s is refused', async (name, text, failure) => {
    const file = written(name, text);
    await expect(isolatedPlugin({ file, signal, limits: { startMs: 2_000 } })).rejects.toMatchObject(failure);
  });

  it('asks for what it cannot have', { timeout: 60_000 }, async () => {
    const file = path.join(import.meta.dirname, 'greedy-plugin.fixture.ts');
    const plugin = await isolatedPlugin({ file, signal });
    const setup = (what: string): Promise<void> => Promise.resolve(plugin.setup(new TestHost().host(what)));
    for (const [what, message] of [
      ['phase', /cannot wrap calls \(phase 'wrap' with intercept\); use host.transform/],
      ['provider', /cannot bring a provider \('mine'\); .*isolatedProvider/],
      ['store', /cannot bring a store \('cupboard'\); run the plugin as a trusted one/],
      ['infer', /cannot run inferences/],
      ['route', /registered something unusable: routes.0.path/],
    ] as const) {
      await expect(setup(what)).rejects.toMatchObject({
        code: 'plugin_invalid',
        message: expect.stringMatching(message),
      });
    }
    await expect(setup('exit')).rejects.toMatchObject({
      code: 'plugin_failed',
      message: expect.stringContaining('exit code 4'),
    });
  });

  it('needs no package.json and no installed contract', async () => {
    const file = written(
      'alone.mjs',
      "import { definePlugin } from '@golek/plugins-api'; export default definePlugin({ name: 'alone', version: '1.0.0', setup() {} });",
    );
    expect(await isolatedPlugin({ file, signal })).toMatchObject({ name: 'alone' });
  });
});
