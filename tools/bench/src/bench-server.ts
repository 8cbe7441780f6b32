import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** A server in a process of its own; it ends with this program. */
export interface BenchServer {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly port: number;
}

/** A process whose standard output tells when it is ready. Its log, on standard error, goes nowhere. */
export const startChild = async (args: readonly string[], env: NodeJS.ProcessEnv = process.env) => {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'], env });
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`${args.join(' ')} ended with ${String(code)} before it was ready`);
  });
  const [first] = (await Promise.race([once(child.stdout, 'data'), failed])) as [Buffer];
  // Nobody reads on, and a server must not wait for that.
  child.stdout.resume();
  failed.catch(() => undefined);
  return { process: child, pid: child.pid as number, first: first.toString('utf8') };
};

/** Starts a server script, named by its path from this folder without an ending, e.g. `bare-server`, that prints its port as its first line. */
export const startServer = async (name: string, args: readonly string[] = []): Promise<BenchServer> => {
  const script = path.join(import.meta.dirname, `${name}${path.extname(import.meta.filename)}`);
  const { first, ...started } = await startChild([...process.execArgv, script, ...args]);
  // With FORCE_COLOR set, numbers are printed in colour.
  return { ...started, port: Number(stripVTControlCharacters(first)) };
};

/** Starts Golek's server: `sampleRatio` of its traces go to the collector over OTLP, with all metrics; without a collector nothing is sent. */
export const startGolek = (collector: BenchServer | undefined, sampleRatio = 0.1): Promise<BenchServer> =>
  startServer('golek-server', collector ? [`http://127.0.0.1:${collector.port}`, String(sampleRatio)] : []);
