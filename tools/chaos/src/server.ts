import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A `golek serve` that this program started. */
export interface ServedGolek extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** Address of its inspector. */
  readonly inspector: string;
  output(): string;
}

/** Starts the built server on a free port of loopback with the given data folder. */
export const serveGolek = async (bin: string, home: string): Promise<ServedGolek> => {
  const child = spawn(
    process.execPath,
    ['--inspect=127.0.0.1:0', bin, 'serve', '--port', '0', '--home', home, '--log.format', 'json'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const [url, inspector] = await new Promise<[string, string]>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      // Enough to explain a failure; a long run logs much.
      output = (output + chunk.toString('utf8')).slice(-2_000_000);
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(output);
      const debug = /Debugger listening on (ws:\S+)/.exec(output)?.[1];
      if (address && debug !== undefined) resolve([address[0], debug]);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void exited.then(() => reject(new Error(`the server ended:\n${output}`)));
  });
  return {
    url,
    inspector,
    pid: child.pid as number,
    output: () => output,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await Promise.race([exited, sleep(20_000, undefined, { ref: false }).then(() => child.kill('SIGKILL'))]);
      await exited;
    },
  };
};

/** Direct children of a process, by pid (Linux). */
export const childrenOf = (pid: number): number[] =>
  readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      return parent === pid ? [Number(entry)] : [];
    } catch {
      return [];
    }
  });

/** Processor time that a process has used, milliseconds in steps of 10 (Linux); 0 when it is gone. */
export const cpuMs = (pid: number): number => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number);
    return 10 * ((user ?? 0) + (system ?? 0));
  } catch {
    return 0;
  }
};

/** Resident memory of a process, MiB; 0 when it is gone. */
export const residentMiB = (pid: number): number => {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
};
