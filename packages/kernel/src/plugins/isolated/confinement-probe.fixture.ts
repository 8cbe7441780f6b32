import { execFileSync } from 'node:child_process';
import dgram from 'node:dgram';
import { promises as dns } from 'node:dns';
import { once } from 'node:events';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';

/** What an attempt came to: `done` or the error's code. */
const attempt = async (what: () => unknown): Promise<string> => {
  try {
    await what();
    return 'done';
  } catch (thrown) {
    const { code, message } = thrown as { code?: string; message: string };
    return code ?? message;
  }
};

const udp = async (): Promise<void> => {
  const socket = dgram.createSocket('udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.send('x', 9, '127.0.0.1', (error) => (error ? reject(error) : resolve()));
    });
  } finally {
    socket.close();
  }
};

/** Tries everything that a plugin in a process of its own is not to do; runs in that process. */
export const probe = async (): Promise<Record<string, string>> => {
  const parent = process.ppid;
  return {
    'read a file of the system': await attempt(() => readFileSync('/etc/hostname')),
    'read its own package': await attempt(() => readFileSync(import.meta.filename)),
    'write into its own package': await attempt(() => writeFileSync(path.join(import.meta.dirname, 'written'), '')),
    'link to a file of the system': await attempt(() =>
      symlinkSync('/etc/passwd', path.join(import.meta.dirname, 'l')),
    ),
    'start a program': await attempt(() => execFileSync('true')),
    'start a thread': await attempt(() => new Worker('', { eval: true })),
    connect: await attempt(() => once(net.connect(9, '127.0.0.1'), 'connect')),
    listen: await attempt(() => once(net.createServer().listen(0), 'listening')),
    'send a datagram': await attempt(udp),
    'resolve a name': await attempt(() => dns.lookup('localhost')),
    'signal the server': await attempt(() => process.kill(parent, 0)),
    'start the debugger of the server': await attempt(() =>
      (process as unknown as { _debugProcess(pid: number): void })._debugProcess(parent),
    ),
    'change the priority of the server': await attempt(() => os.setPriority(parent, os.getPriority(parent))),
    'load an addon': await attempt(() => process.dlopen({ exports: {} }, '/x.node')),
    'open a database': await attempt(async () => {
      const { DatabaseSync } = await import('node:sqlite');
      new DatabaseSync(path.join(os.tmpdir(), 'golek-confinement-probe.db'));
    }),
    'use internals': await attempt(() => (process as unknown as { binding(name: string): unknown }).binding('fs')),
    // eslint-disable-next-line no-restricted-properties
    'see the environment': Object.keys(process.env).join(' ') || 'empty',
  };
};
