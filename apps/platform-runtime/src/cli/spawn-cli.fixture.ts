import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

const PROGRAM = fileURLToPath(new URL('./cli.fixture.ts', import.meta.url));
const WARNINGS = '--disable-warning=ExperimentalWarning';

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunningCli {
  readonly child: ChildProcessWithoutNullStreams;
  /** Resolves with the line once standard output has one that matches. */
  line(pattern: RegExp): Promise<string>;
  readonly ended: Promise<Ended>;
}

/** A data folder for the tests of one file. */
export const home = mkdtempSync(path.join(tmpdir(), 'golek-cli-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Starts `golek` in a process of its own, with a data folder of its own; standard input stays open. */
export const startGolek = (args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningCli => {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(GOLEK_|FORCE_COLOR|NO_COLOR|NODE_OPTIONS)/.test(name),
  );
  const child = spawn(process.execPath, ['--conditions=@golek/source', WARNINGS, PROGRAM, ...args], {
    env: { ...Object.fromEntries(inherited), GOLEK_HOME: home, GOLEK_HTTP_PORT: '0', ...env },
  });
  let out = '';
  let err = '';
  const look = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk;
    for (const check of look) check();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
  const ended = once(child, 'close').then(([code]: unknown[]): Ended => ({ code: code as number | null, out, err }));
  const line = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const found = out.split('\n').find((text) => pattern.test(text));
        if (found === undefined) return;
        look.delete(check);
        resolve(found);
      };
      look.add(check);
      check();
      void ended.then(({ code }) =>
        reject(new Error(`ended with ${String(code)} before ${String(pattern)}:\n${out}${err}`)),
      );
    });
  return { child, line, ended };
};

/** Runs `golek` to its end with the given standard input. */
export const golek = (
  args: readonly string[],
  input = '',
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> => {
  const { child, ended } = startGolek(args, env);
  child.stdin.end(input);
  return ended;
};
