import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { GolekError } from '@golek/api/plain';
import { abortError, throwIfAborted } from '../abort-error.ts';
import { childEnvironment } from './child-environment.ts';
import type { Log } from '@golek/api';
import type { ThreadSharing } from '../machine/thread-shares.ts';
import { EngineOutput, levelOfLine } from './engine-output.ts';
import { engineFailure, type EngineExit } from './engine-exit.ts';
import type { IsolationLimits } from './isolation-limits.ts';
import type { Command, EngineSetup, Report } from './messages.ts';

/** What every engine process of one provider has in common. */
export interface EngineSpec {
  readonly setup: EngineSetup;
  readonly env: Readonly<Record<string, string>> | undefined;
  readonly log: Log | undefined;
  readonly limits: IsolationLimits;
  /** Divides the processors among the engines that are busy; undefined: each has its own threads whatever others do. */
  readonly sharing: ThreadSharing | undefined;
}

/** The answer to a question, or how the process ended instead of answering. */
export type Answer = Report | { readonly type: 'exit'; readonly exit: EngineExit };

const PINGS_UNTIL_HUNG = 6;
const AFTER_EXIT_MS = 200;
const AFTER_DISCONNECT_MS = 1_000;
const AFTER_SIGTERM_MS = 1_000;
const FROM_SOURCE = import.meta.url.endsWith('.ts');
const ENTRY = new URL(`./child/main.${FROM_SOURCE ? 'ts' : 'js'}`, import.meta.url);

/** One child process: start, messages, signs of life, end. Knows nothing of runs and restarts. */
export class EngineProcess {
  readonly pid: number;
  /** Fulfilled when the process has ended, for whatever reason; never rejected. */
  readonly exited: Promise<EngineExit>;
  /** Gets the reports that answer no question. */
  onReport: (report: Report) => void = () => undefined;
  readonly #child: ChildProcess;
  readonly #output: readonly EngineOutput[];
  readonly #pinging: NodeJS.Timeout;
  #answer: ((answer: Answer) => void) | undefined;
  #holds = 0;
  #missed = 0;
  #killedFor: string | undefined;

  private constructor(spec: EngineSpec, model: string) {
    // The model's name is for people who look at the process list.
    const child = fork(ENTRY, [model], {
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: childEnvironment(spec.env),
      execArgv: FROM_SOURCE ? ['--conditions=@golek/source'] : [],
    });
    this.#child = child;
    this.pid = child.pid ?? 0;
    const fields = { model, pid: this.pid };
    this.#output = [child.stdout, child.stderr].flatMap((pipe) =>
      pipe ? [new EngineOutput(pipe, spec.log, fields, 'engine output', levelOfLine)] : [],
    );
    this.exited = this.#exit();
    child.on('message', (report) => this.#receive(report as Report));
    child.on('disconnect', () => this.#disconnected());
    this.#pinging = setInterval(() => this.#ping(spec.limits.hangMs), spec.limits.hangMs / PINGS_UNTIL_HUNG).unref();
    this.#unref();
  }

  /**
   * Forks a child and waits until it has loaded the provider's module.
   * Throws `model_load_failed` where that fails or takes longer than `startMs`, and the signal's error.
   */
  static async start(spec: EngineSpec, model: string, signal: AbortSignal): Promise<EngineProcess> {
    throwIfAborted(signal);
    const engine = new EngineProcess(spec, model);
    const { startMs } = spec.limits;
    const late = setTimeout(() => engine.kill(`it did not start within ${startMs} ms`), startMs);
    try {
      const answer = await engine.ask({ type: 'setup', setup: spec.setup }, signal);
      if (answer.type === 'hello') return engine;
      throw await engine.giveUp(answer, `the engine of model '${model}' did not start`);
    } finally {
      clearTimeout(late);
    }
  }

  /** Does nothing when the process has ended: `exited` tells. Throws DataCloneError for what cannot be cloned. */
  send(command: Command): void {
    if (this.#child.connected) this.#child.send(command, () => undefined);
  }

  /**
   * Sends a question and gives its answer. When the signal is aborted, or the question is not plain data, ends the process and
   * throws the signal's error, or `model_load_failed`.
   */
  async ask(command: Command, signal: AbortSignal): Promise<Answer> {
    this.hold();
    const stop = (): void => this.kill('what it worked on was cancelled');
    signal.addEventListener('abort', stop, { once: true });
    try {
      const answered = new Promise<Answer>((resolve) => (this.#answer = resolve));
      if (signal.aborted) stop();
      else this.send(command);
      const answer = await Promise.race([answered, this.exited.then((exit) => ({ type: 'exit', exit }) as const)]);
      if (!signal.aborted) return answer;
      await this.exited;
      throw abortError(signal);
    } catch (thrown) {
      this.kill('it could not be told what to do');
      throw GolekError.from(thrown, 'model_load_failed');
    } finally {
      signal.removeEventListener('abort', stop);
      this.#answer = undefined;
      this.release();
    }
  }

  /** Ends a process that gave a wrong answer; gives the error to be thrown. */
  async giveUp(answer: Answer, what: string): Promise<Error> {
    // Held until it has ended: a program that waits for nothing else would end before it is told what failed.
    this.hold();
    this.kill('it failed');
    await this.exited;
    this.release();
    return engineFailure(answer, what);
  }

  /** Keeps this program running until `release`; an engine that does nothing does not. */
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

  /** Asks the process to release its model and end, then makes it. Fulfilled when it has ended. */
  async stop(graceMs: number): Promise<void> {
    this.hold();
    const done = new AbortController();
    const after = async (ms: number): Promise<boolean> =>
      Promise.race([this.exited.then(() => true), sleep(ms, false, { signal: done.signal }).catch(() => true)]);
    try {
      this.#killedFor ??= 'it was closed';
      this.send({ type: 'dispose' });
      if (await after(graceMs)) return;
      this.#child.kill('SIGTERM');
      if (await after(AFTER_SIGTERM_MS)) return;
      this.#child.kill('SIGKILL');
      await this.exited;
    } finally {
      done.abort();
      this.release();
    }
  }

  #receive(report: Report): void {
    this.#missed = 0;
    switch (report.type) {
      case 'hello':
      case 'inspected':
      case 'opened':
      case 'failed':
        this.#answer?.(report);
        break;
      default:
        this.onReport(report);
    }
  }

  /**
   * Counts checks without a sign of life rather than time: a parent that was stopped or asleep itself sees a single check pass, however
   * long it was.
   */
  #ping(hangMs: number): void {
    if (this.#missed++ >= PINGS_UNTIL_HUNG) this.kill(`it did not answer for ${hangMs} ms`);
    else this.send({ type: 'ping' });
  }

  /** The channel closes with the process; a child that lives on without it cannot be reached any more. */
  #disconnected(): void {
    const timer = setTimeout(() => this.kill('it closed its connection'), AFTER_DISCONNECT_MS);
    void this.exited.then(() => clearTimeout(timer));
  }

  async #exit(): Promise<EngineExit> {
    const { promise, resolve } = Promise.withResolvers<Omit<EngineExit, 'output' | 'pid' | 'reason'>>();
    this.#child.once('exit', (code, signal) => resolve({ code, signal }));
    this.#child.once('error', (error) => {
      this.#killedFor ??= error.message;
      if (this.#child.pid === undefined) resolve({ code: null, signal: null });
    });
    const closed = new Promise<void>((done) => this.#child.once('close', () => done()));
    const how = await promise;
    clearInterval(this.#pinging);
    for (const output of this.#output) output.drain();
    // The pipes may hold last words; a grandchild that inherited them must not hold up the restart.
    await Promise.race([closed, sleep(AFTER_EXIT_MS)]);
    const output = this.#output.flatMap((tail) => tail.lines());
    for (const pipe of this.#output) pipe.close();
    return { ...how, pid: this.pid, reason: this.#killedFor, output };
  }

  #ref(): void {
    this.#child.ref();
    this.#child.channel?.ref();
  }

  #unref(): void {
    this.#child.unref();
    this.#child.channel?.unref();
    for (const pipe of [this.#child.stdout, this.#child.stderr]) (pipe as { unref?(): void } | null)?.unref?.();
  }
}
