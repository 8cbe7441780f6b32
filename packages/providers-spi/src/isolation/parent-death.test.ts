import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { isAlive } from '../fixtures/isolated-fake.ts';

const PROGRAM = fileURLToPath(new URL('../fixtures/parent-program.ts', import.meta.url));

const folder = mkdtempSync(path.join(tmpdir(), 'golek-parent-'));

let program: ChildProcessByStdio<null, Readable, null>;

const nextLine = async (lines: Interface): Promise<string> => String((await once(lines, 'line'))[0]);

/** Starts the program in a process group of its own; gives its output and the pid of its engine. */
const start = async (mode: string): Promise<{ lines: Interface; engine: number }> => {
  program = spawn(process.execPath, ['--conditions=@golek/source', PROGRAM, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
    // What a killed program leaves behind is removed with the folder.
    env: { TMPDIR: folder },
  });
  const lines = createInterface(program.stdout);
  return { lines, engine: Number(await nextLine(lines)) };
};

afterEach(() => {
  if (program.exitCode === null) program.kill('SIGKILL');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('an engine process', () => {
  it.each(['idle', 'busy'])('ends with a parent that is killed, while it is %s', async (mode) => {
    const { engine } = await start(mode);
    expect(isAlive(engine)).toBe(true);
    program.kill('SIGKILL');
    await vi.waitFor(() => expect(isAlive(engine)).toBe(false), 10_000);
  });

  it('does not keep a program running that has forgotten to close it', async () => {
    const { engine } = await start('forgets');
    expect(program.exitCode ?? (await once(program, 'exit'))[0]).toBe(0);
    await vi.waitFor(() => expect(isAlive(engine)).toBe(false), 10_000);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'leaves %s to its parent, which may want to drain',
    async (signal) => {
      const { lines, engine } = await start('drains');
      process.kill(engine, signal);
      process.kill(-(program.pid ?? 0), 'SIGTERM');
      expect(await nextLine(lines)).toBe('still here true');
      expect((await once(program, 'exit'))[0]).toBe(0);
      expect(isAlive(engine)).toBe(false);
    },
  );
});
