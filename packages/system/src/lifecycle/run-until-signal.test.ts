import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const FIXTURE = fileURLToPath(new URL('./run-until-signal.fixture.ts', import.meta.url));

/** Runs the fixture; sends each signal when its line appears on standard output. */
const run = async (mode: string, signals: Readonly<Record<string, NodeJS.Signals>>) => {
  const child = spawn(process.execPath, ['--conditions=@golek/source', FIXTURE, mode]);
  let out = '';
  let log = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    for (const line of chunk.split('\n').filter(Boolean)) {
      out += `${line}\n`;
      const signal = signals[line];
      if (signal) child.kill(signal);
    }
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (log += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, lines: out.trim().split('\n'), log };
};

test.each(['SIGTERM', 'SIGINT'] as const)('%s drains, stops and ends with 0', async (signal) => {
  const { code, lines, log } = await run('', { running: signal });
  expect(lines).toEqual(['running', `draining ${signal}`, 'stopped']);
  expect(code).toBe(0);
  expect(log).toContain('"msg":"stopped"');
});

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('a second signal, %s, ends at once with %i', async (second, expected) => {
  const { code, lines } = await run('endless-drain', { running: 'SIGTERM', 'draining SIGTERM': second });
  expect(lines).toEqual(['running', 'draining SIGTERM']);
  expect(code).toBe(expected);
});

test('a signal during the start ends it', async () => {
  const { code, lines } = await run('slow-start', { starting: 'SIGTERM' });
  expect(lines).toEqual(['starting', 'stopped']);
  expect(code).toBe(0);
});

test.each([
  ['bad-drain', 'drain broke'],
  ['bad-stop', 'stuck'],
])('%s is logged, the stop goes on, and the code is 1', async (mode, message) => {
  const { code, lines, log } = await run(mode, { running: 'SIGTERM' });
  expect(lines).toEqual(['running', 'draining SIGTERM', 'stopped']);
  expect(code).toBe(1);
  expect(log).toContain(message);
});

test.each([
  ['uncaught', 'SyntaxError'],
  ['unhandled', 'nobody waits'],
])('an %s error is logged and ends the process with 1', async (mode, message) => {
  const { code, log } = await run(mode, {});
  expect(code).toBe(1);
  expect(log).toContain('uncaught error');
  expect(log).toContain(message);
});
