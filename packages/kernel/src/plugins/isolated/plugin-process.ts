import { spawn, type ChildProcess } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Log } from '@golek/api';
import { EngineOutput, type EngineExit } from '@golek/providers-spi/isolation';
import { confinedBy, dropsPermissions, runtimeModules } from './confinement.ts';
import { encodeFrame, FrameReader } from './frames.ts';
import type { IsolatedPluginLimits } from './isolated-plugin-limits.ts';
import type { ChildBoot, Command, Report } from './messages.ts';

/** What every process of one plugin has in common. */
export interface PluginSpec {
  /** URL of the plugin's module. */
  readonly module: string;
  /** For logs and errors. */
  readonly name: string;
  /** Files and folders that the plugin may read beside the runtime's modules. */
  readonly reads: readonly string[];
  readonly network: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly log: Log;
  readonly limits: IsolatedPluginLimits;
}

const PINGS_UNTIL_HUNG = 6;
const MEMORY_CHECK_MS = 250;
const AFTER_EXIT_MS = 200;
const AFTER_DISCONNECT_MS = 1_000;
/** What may wait to be written to a process that does not read; twice the largest message at least. */
const MAX_UNWRITTEN_BYTES = 64 * 1024 * 1024;
const FROM_SOURCE = import.meta.url.endsWith('.ts');
const ENTRY = fileURLToPath(new URL(`./child/main.${FROM_SOURCE ? 'ts' : 'js'}`, import.meta.url));

/** One confined child process: start, messages, signs of life, end. Knows nothing of questions and restarts. */
export class PluginProcess {
  readonly pid: number;
  /** Fulfilled when the process has ended, for whatever reason; never rejected. */
  readonly exited: Promise<EngineExit>;
  readonly #spec: PluginSpec;
  readonly #child: ChildProcess;
  readonly #channel: Socket;
  readonly #reader: FrameReader;
  readonly #outputs: readonly EngineOutput[];
  readonly #pinging: NodeJS.Timeout;
  readonly #weighing: NodeJS.Timeout | undefined;
  /** @returns false when the report answers nothing that was asked. */
  readonly #onReport: (report: Report) => boolean;
  #holds = 0;
  #missed = 0;
  #unasked = 0;
  #killedFor: string | undefined;

  private constructor(
    spec: PluginSpec,
    boot: ChildBoot,
    flags: readonly string[],
    onReport: (report: Report) => boolean,
  ) {
    const { limits, log, name } = spec;
    // No variable is inherited: keys and addresses of the server are none of a plugin's business.
    const child = spawn(process.execPath, [...flags, ENTRY, JSON.stringify(boot)], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { ...spec.env },
      cwd: path.dirname(fileURLToPath(spec.module)),
    });
    this.#spec = spec;
    this.#child = child;
    this.#onReport = onReport;
    this.pid = child.pid ?? 0;
    this.#channel = child.stdio[3] as Socket;
    this.#reader = new FrameReader(limits.maxMessageBytes);
    const fields = { plugin: name, pid: this.pid };
    this.#outputs = [child.stdout, child.stderr].flatMap((pipe) =>
      pipe ? [new EngineOutput(pipe, log, fields, 'plugin output')] : [],
    );
    this.exited = this.#exit();
    this.#channel.on('data', (chunk: Buffer) => this.#take(chunk));
    // A broken pipe ends with the process, whose exit is what is handled.
    this.#channel.on('error', () => undefined);
    this.#channel.on('close', () => this.#disconnected());
    this.#pinging = setInterval(() => this.#ping(), limits.hangMs / PINGS_UNTIL_HUNG).unref();
    this.#weighing =
      process.platform === 'linux' ? setInterval(() => void this.#weigh(), MEMORY_CHECK_MS).unref() : undefined;
    this.#unref();
    // Where memory runs out, the system shall end the plugin and not the server.
    if (process.platform === 'linux') writeFile(`/proc/${this.pid}/oom_score_adj`, '1000').catch(() => undefined);
  }

  /** Starts a process. Throws `composition_invalid` when packages of the runtime are missing. */
  static async start(spec: PluginSpec, onReport: (report: Report) => boolean): Promise<PluginProcess> {
    const { limits, network } = spec;
    const watchParent = await dropsPermissions();
    const { modules, reads } = runtimeModules();
    const boot: ChildBoot = { module: spec.module, modules, maxMessageBytes: limits.maxMessageBytes, watchParent };
    const flags = confinedBy({
      reads: [...reads, ...spec.reads],
      network,
      memoryMb: limits.memoryMb,
      watchParent,
    });
    return new PluginProcess(spec, boot, [...(FROM_SOURCE ? ['--conditions=@golek/source'] : []), ...flags], onReport);
  }

  /** True while more may be sent; false when the process does not read what it is sent. */
  get takes(): boolean {
    return this.#channel.writableLength < Math.max(MAX_UNWRITTEN_BYTES, 2 * this.#spec.limits.maxMessageBytes);
  }

  /** Bytes that wait to be read by the process. */
  get unwritten(): number {
    return this.#channel.writableLength;
  }

  /** Does nothing when the process has ended: `exited` tells. Throws what `encodeFrame` throws. */
  send(command: Command): void {
    const frame = encodeFrame(command, this.#spec.limits.maxMessageBytes);
    if (this.#channel.writable) this.#channel.write(frame);
  }

  /** Keeps this program running until `release`; a plugin that is idle does not. */
  hold(): void {
    if (this.#holds++ === 0) this.#ref();
  }

  release(): void {
    if (--this.#holds === 0) this.#unref();
  }

  /** Ends the process now. */
  kill(reason: string): void {
    this.#killedFor ??= reason;
    this.#child.kill('SIGKILL');
  }

  #take(chunk: Buffer): void {
    this.#missed = 0;
    try {
      for (const { message } of this.#reader.push(chunk)) {
        if (this.#onReport(message as Report)) continue;
        if (++this.#unasked <= this.#spec.limits.maxUnasked) continue;
        throw new TypeError(`more than ${this.#spec.limits.maxUnasked} messages in a second that nobody asked for`);
      }
    } catch (thrown) {
      this.#channel.pause();
      this.kill(`it sent ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
  }

  /**
   * Counts checks without a sign of life rather than time: a parent that was stopped or asleep itself sees a single check pass, however
   * long it was.
   */
  #ping(): void {
    const { hangMs } = this.#spec.limits;
    if (this.#missed++ >= PINGS_UNTIL_HUNG) this.kill(`it did not answer for ${hangMs} ms`);
    else if (this.takes) this.send({ type: 'ping' });
    this.#unasked = Math.max(0, this.#unasked - (this.#spec.limits.maxUnasked * hangMs) / PINGS_UNTIL_HUNG / 1_000);
  }

  /** The channel closes with the process; one that lives on without it cannot be reached any more. */
  #disconnected(): void {
    const timer = setTimeout(() => this.kill('it closed its connection'), AFTER_DISCONNECT_MS);
    void this.exited.then(() => clearTimeout(timer));
  }

  /** Buffers lie outside of V8's heap, and a plugin can raise the heap's limit: the system's own count of its memory decides. */
  async #weigh(): Promise<void> {
    const allowed = 2 * this.#spec.limits.memoryMb + 128;
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8').catch(() => '');
    const used = Math.trunc(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1_024);
    if (used > allowed) this.kill(`it used ${used} MiB of memory, more than the ${allowed} MiB that it may have`);
  }

  async #exit(): Promise<EngineExit> {
    const { promise, resolve } = Promise.withResolvers<Pick<EngineExit, 'code' | 'signal'>>();
    this.#child.once('exit', (code, signal) => resolve({ code, signal }));
    this.#child.once('error', (error) => {
      this.#killedFor ??= error.message;
      if (this.#child.pid === undefined) resolve({ code: null, signal: null });
    });
    const closed = new Promise<void>((done) => this.#child.once('close', () => done()));
    const how = await promise;
    clearInterval(this.#pinging);
    clearInterval(this.#weighing);
    for (const output of this.#outputs) output.drain();
    await Promise.race([closed, sleep(AFTER_EXIT_MS)]);
    const output = this.#outputs.flatMap((tail) => tail.lines());
    for (const pipe of this.#outputs) pipe.close();
    this.#channel.destroy();
    return { ...how, pid: this.pid, reason: this.#killedFor, output };
  }

  #ref(): void {
    this.#child.ref();
    this.#channel.ref();
  }

  #unref(): void {
    this.#child.unref();
    for (const pipe of [this.#channel, this.#child.stdout, this.#child.stderr]) (pipe as Socket | null)?.unref();
  }
}
