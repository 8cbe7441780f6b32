import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** A server in a process of its own. */
export interface BenchServer {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly port: number;
}

/** Starts a server script of this folder, e.g. `bare-server`, that prints its port as its first line. */
export const startServer = async (name: string, args: readonly string[] = []): Promise<BenchServer> => {
  const script = path.join(import.meta.dirname, `${name}${path.extname(import.meta.filename)}`);
  const child = spawn(process.execPath, [...process.execArgv, script, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { process: child, pid: child.pid as number, port: Number(line.toString('utf8')) };
};

/** Starts Golek's server: `sampleRatio` of its traces go to the collector over OTLP, with all metrics; without a collector nothing is sent. */
export const startGolek = (collector: BenchServer | undefined, sampleRatio = 0.1): Promise<BenchServer> =>
  startServer('golek-server', collector ? [`http://127.0.0.1:${collector.port}`, String(sampleRatio)] : []);
