import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const START_MS = 120_000;
const STOP_MS = 10_000;

export interface ServerCommand {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** With a channel for messages, which a Node process understands. */
  readonly ipc?: boolean;
}

/** A server started by this program. What it writes is kept and shown when it fails. */
export class ServerProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #name: string;
  readonly #folder: string;
  readonly #output: string;
  readonly #exited: Promise<unknown>;

  constructor({ name, program, args, env, ipc = false }: ServerCommand) {
    this.#name = name;
    this.#folder = mkdtempSync(path.join(tmpdir(), 'golek-bench-'));
    this.#output = path.join(this.#folder, 'output');
    const file = openSync(this.#output, 'a');
    this.child = spawn(program, args, {
      // To a file: a server must never wait for a reader of its log.
      stdio: ['ignore', file, file, ...(ipc ? (['ipc'] as const) : [])],
      env: { ...process.env, ...env },
    });
    closeSync(file);
    this.#exited = once(this.child, 'exit').catch(() => undefined);
    // Before the folders go that it writes to.
    process.prependOnceListener('exit', this.#end);
  }

  /** When this program ends without having stopped it. */
  readonly #end = (): void => {
    this.child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  };

  get pid(): number {
    return this.child.pid ?? 0;
  }

  output(): string {
    return readFileSync(this.#output, 'utf8');
  }

  /** Waits until `ready` gives something. Throws with the end of the server's output when it ends first, or takes two minutes. */
  async until<T>(ready: () => Promise<T | undefined> | T | undefined): Promise<T> {
    for (const end = performance.now() + START_MS; performance.now() < end; await sleep(50)) {
      if (this.child.exitCode !== null || this.child.signalCode !== null || this.child.pid === undefined) break;
      const found = await ready();
      if (found !== undefined) return found;
    }
    const tail = this.output().slice(-2000);
    await this[Symbol.asyncDispose]();
    throw new Error(`${this.#name} did not start: ${this.child.spawnargs.join(' ')}\n${tail}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#end);
    if (this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGTERM');
      const late = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS);
      await this.#exited;
      clearTimeout(late);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
