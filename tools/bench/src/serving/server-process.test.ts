import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startProbed, watchLoop } from './probed-server.ts';
import { ServerProcess } from './server-process.ts';

const node = (script: string): ServerProcess =>
  new ServerProcess({ name: 'test server', program: process.execPath, args: ['-e', script] });

it('waits for a server, and ends it', async () => {
  const server = node("console.log('port 12'); setInterval(() => {}, 1000)");
  expect(await server.until(() => /port (\d+)/.exec(server.output())?.[1])).toBe('12');
  await server[Symbol.asyncDispose]();
  expect(server.child.signalCode).toBe('SIGTERM');
  await server[Symbol.asyncDispose]();
});

it('shows what a server wrote that did not start', async () => {
  const server = node("console.error('no such model'); process.exit(3)");
  await expect(server.until(() => undefined)).rejects.toThrow(/test server did not start: .*\n[^]*no such model/);
});

it('names a program that is not there', async () => {
  const server = new ServerProcess({ name: 'nothing', program: '/no/such/program', args: [] });
  await expect(server.until(() => undefined)).rejects.toThrow('nothing did not start');
});

it('tells how late the event loop of a server was', async () => {
  const busy = 'setInterval(() => { for (const end = performance.now() + 40; performance.now() < end;); }, 100)';
  await using server = startProbed('busy', ['--eval', busy]);
  const delay = watchLoop(server);
  await sleep(800);
  expect((await delay()).max).toBeGreaterThan(20);
});
