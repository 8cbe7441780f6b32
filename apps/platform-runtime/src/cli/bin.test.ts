import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const BIN = fileURLToPath(new URL('../../bin/golek.js', import.meta.url));

/** A Node that is too old for Golek, where this machine has one. */
const OLD = ['/usr/bin/node', '/usr/local/bin/node'].find((node) => {
  const { status, stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  return status === 0 && Number.parseInt(stdout.slice(1), 10) < 24;
});

/** The launcher with a program of a few lines behind it. */
let folder: string;
let bin: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'golek-bin-'));
  bin = path.join(folder, 'bin/golek.js');
  cpSync(BIN, bin);
  writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
  mkdirSync(path.join(folder, 'dist/cli'), { recursive: true });
  writeFileSync(
    path.join(folder, 'dist/cli/main.js'),
    `export const runCli = async (args) => {
      process.on('SIGTERM', () => process.exit(9));
      console.log(JSON.stringify({ major: Number.parseInt(process.versions.node, 10), args }));
      process.exitCode = 7;
      if (args[0] !== 'wait') return;
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    };`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

test('runs the program with its arguments and its exit code', () => {
  const { status, stdout } = spawnSync(process.execPath, [bin, 'a', 'b c'], { encoding: 'utf8' });
  expect(JSON.parse(stdout)).toMatchObject({ args: ['a', 'b c'] });
  expect(status).toBe(7);
});

test('a copy that is not built says so', () => {
  const bare = path.join(folder, 'bare/bin/golek.js');
  cpSync(BIN, bare);
  const { status, stderr } = spawnSync(process.execPath, [bare], { encoding: 'utf8' });
  expect(stderr).toBe('golek: this copy is not built; run: npm run build\n');
  expect(status).toBe(1);
});

test.skipIf(OLD === undefined)('an old Node without a new one beside it names version and remedy', () => {
  const { status, stderr } = spawnSync(OLD ?? '', [bin, 'a'], { encoding: 'utf8', cwd: folder });
  expect(stderr).toMatch(/^golek: Node 24 or newer is needed, this is v\d+\.\d+\.\d+ \(.*\)\.\n {2}Install it/);
  expect(status).toBe(1);
});

test.skipIf(OLD === undefined)('an old Node hands over to the one in node_modules, signals included', async () => {
  const local = path.join(folder, 'node_modules/.bin');
  mkdirSync(local, { recursive: true });
  symlinkSync(process.execPath, path.join(local, 'node'));
  const done = spawnSync(OLD ?? '', [bin, 'a'], { encoding: 'utf8' });
  expect(JSON.parse(done.stdout)).toEqual({ major: Number.parseInt(process.versions.node, 10), args: ['a'] });
  expect(done.status).toBe(7);

  const child = spawn(OLD ?? '', [bin, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([9, null]);
});
