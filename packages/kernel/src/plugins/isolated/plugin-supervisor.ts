import { GolekError } from '@golek/api';
import { describeExit, exitDetails, restartDelay, type EngineExit } from '@golek/providers-spi/isolation';
import { PendingQuestion } from './pending-question.ts';
import { PluginProcess, type PluginSpec } from './plugin-process.ts';
import type { Note, Question, Questions, Report } from './messages.ts';
import { failureOf } from './failure-of.ts';

/** How one question is to be asked. */
export interface Asking {
  readonly signal: AbortSignal;
  /** Milliseconds from the moment the plugin begins with it. */
  readonly limitMs: number;
  /** The question makes sense only to the process that has seen an earlier one: it is not asked again of a new process. */
  readonly bound?: boolean;
}

type State =
  | { readonly kind: 'ready'; readonly process: PluginProcess; readonly since: number }
  | { readonly kind: 'starting' }
  /** The next start is at `due`, milliseconds of `performance.now()`. */
  | { readonly kind: 'waiting'; readonly due: number; readonly timer: NodeJS.Timeout }
  | { readonly kind: 'closed' };

/** Makes a process ready for questions after each start: sets the plugin up in it. */
export type Prepare = (ask: PluginSupervisor['ask'], signal: AbortSignal) => Promise<void>;

/** Calls that a plugin may leave without an end in one process. */
const MAX_GIVEN_UP = 4_096;
const MAX_NOTES = 256;
const MAX_NOTE_BYTES = 1024 * 1024;
const SAY_AGAIN_MS = 10_000;

/**
 * Keeps a plugin's process running and asks it questions. When the process ends, questions that it has not begun with wait for the next one. Of
 * those that it was at work on, a single one fails; several are asked again one by one, and the one that ends the process again fails.
 */
export class PluginSupervisor {
  readonly #spec: PluginSpec;
  readonly #prepare: Prepare;
  readonly #pending = new Map<number, PendingQuestion>();
  readonly #closing = new AbortController();
  #state: State = { kind: 'starting' };
  #process: PluginProcess | undefined;
  /** A process ended while it was at work on these; nothing else is asked until they are answered or have failed. */
  readonly #suspects = new Set<PendingQuestion>();
  /** Questions that the process still works on for nobody. */
  readonly #givenUp = new Set<number>();
  #notes: Note[] = [];
  #leftOut = 0;
  #saidAt = -Infinity;
  #trouble = '';
  #crashes = 0;
  #lastId = 0;
  #restarting: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(spec: PluginSpec, prepare: Prepare) {
    this.#spec = spec;
    this.#prepare = prepare;
  }

  /** Starts the first process. Throws what `prepare` throws, and `plugin_failed` when the process ends instead; none is left then. */
  static async start(spec: PluginSpec, prepare: Prepare, signal: AbortSignal): Promise<PluginSupervisor> {
    const supervisor = new PluginSupervisor(spec, prepare);
    try {
      await supervisor.#open(signal);
    } catch (thrown) {
      await supervisor.stop();
      throw thrown;
    }
    return supervisor;
  }

  /** Why the plugin does not work at the moment; undefined when it does. */
  get trouble(): { readonly status: 'degraded' | 'down'; readonly reason: string } | undefined {
    switch (this.#state.kind) {
      case 'ready':
        return undefined;
      case 'starting':
        return { status: 'degraded', reason: `its process is being restarted: ${this.#trouble}` };
      case 'waiting': {
        const seconds = secondsUntil(this.#state.due);
        return { status: 'down', reason: `its process will be restarted in ${seconds} s: ${this.#trouble}` };
      }
      case 'closed':
        return { status: 'down', reason: 'the plugin is stopped' };
    }
  }

  /** Asks the plugin. Throws its error, `plugin_failed` naming plugin and trouble, `overloaded`, and the signal's error. */
  readonly ask = async <Q extends Question>(
    question: Q,
    argument: Questions[Q]['argument'],
    asking: Asking,
  ): Promise<unknown> => {
    const { signal } = asking;
    const { name, limits } = this.#spec;
    if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
    if (this.#closing.signal.aborted) throw this.#shuttingDown();
    this.#refuseWhenFarOff();
    if (this.#pending.size >= limits.maxCalls || this.#process?.takes === false) {
      throw new GolekError('overloaded', `plugin '${name}' has ${this.#pending.size} calls in hand or waiting`, {
        retryAfter: 1,
      });
    }
    const pending = new PendingQuestion(++this.#lastId, question, argument, asking, this.#spec);
    this.#pending.set(pending.id, pending);
    const onAbort = (): void => this.#giveUp(pending, GolekError.from(signal.reason, 'cancelled'));
    signal.addEventListener('abort', onAbort, { once: true });
    const process = this.#process;
    process?.hold();
    try {
      if (!process && PREPARING.has(question)) throw this.#failed(this.#trouble);
      pending.onLate = (error) => this.#giveUp(pending, error);
      // Before the plugin is ready, only what makes it ready is for the process.
      const asks = this.#state.kind === 'ready' && this.#suspects.size === 0;
      if (asks || UNCONDITIONAL.has(question)) this.#send(pending);
      return await pending.answer;
    } finally {
      process?.release();
      signal.removeEventListener('abort', onAbort);
      pending.settle();
      this.#pending.delete(pending.id);
      if (this.#suspects.delete(pending)) this.#sendWaiting();
    }
  };

  /** Tells the plugin something; left out, and counted, while it does not listen. */
  tell(note: Note): void {
    if (this.#state.kind !== 'ready') return;
    if (this.#notes.length >= MAX_NOTES) this.#flush();
    if (this.#state.process.unwritten > MAX_NOTE_BYTES || this.#notes.length >= MAX_NOTES) {
      this.#leaveOut(1);
      return;
    }
    if (this.#notes.push(note) === 1) setImmediate(this.#flush);
  }

  closeStream(stream: number): void {
    if (this.#state.kind === 'ready' && this.#state.process.takes) {
      this.#state.process.send({ type: 'close-stream', stream });
    }
  }

  /** Lets the plugin stop, then ends its process. Idempotent. */
  stop(): Promise<void> {
    return (this.#closed ??= this.#stop());
  }

  async #stop(): Promise<void> {
    const state = this.#state;
    const { limits, log } = this.#spec;
    const process = this.#process;
    process?.hold();
    if (state.kind === 'waiting') clearTimeout(state.timer);
    if (state.kind === 'ready' && process) {
      const asking = { signal: AbortSignal.timeout(limits.stopMs), limitMs: limits.stopMs };
      await Promise.race([
        this.ask('stop', undefined, asking).catch((err: unknown) =>
          log.warn({ err }, 'the plugin did not stop cleanly'),
        ),
        process.exited,
      ]);
    }
    this.#state = { kind: 'closed' };
    this.#closing.abort(this.#shuttingDown());
    for (const pending of this.#pending.values()) pending.fail(this.#shuttingDown());
    process?.kill('it was stopped');
    await process?.exited;
    await this.#restarting;
    process?.release();
  }

  async #open(caller: AbortSignal): Promise<void> {
    const { limits } = this.#spec;
    const process = await PluginProcess.start(this.#spec, (report) => this.#receive(report));
    this.#process = process;
    process.hold();
    void process.exited.then((exit) => this.#ended(process, exit));
    const late = new AbortController();
    const timer = setTimeout(
      () => late.abort(this.#failed(`it was not ready within ${limits.startMs} ms`)),
      limits.startMs,
    );
    try {
      if (this.#closing.signal.aborted) throw this.#shuttingDown();
      await this.#prepare(this.ask, AbortSignal.any([caller, this.#closing.signal, late.signal]));
      if (this.#process !== process) throw this.#failed(this.#trouble);
      this.#state = { kind: 'ready', process, since: performance.now() };
      this.#sendWaiting();
    } catch (thrown) {
      process.kill('it could not be set up');
      await process.exited;
      throw thrown;
    } finally {
      clearTimeout(timer);
      process.release();
    }
  }

  /**
   * Suspects go one after another and before all else, so that the one that ends the process again is known and takes nothing along. Then
   * everything that waits goes at once.
   */
  #sendWaiting(): void {
    if (this.#state.kind !== 'ready') return;
    const [suspect] = this.#suspects;
    if (!suspect) for (const pending of this.#pending.values()) if (!pending.sent) this.#send(pending);
    if (suspect && !suspect.sent) this.#send(suspect);
  }

  #send(pending: PendingQuestion): void {
    try {
      this.#process?.send(pending.command);
      pending.send();
    } catch (thrown) {
      const { code, message } = GolekError.from(thrown);
      pending.fail(new GolekError(code, `plugin '${this.#spec.name}' cannot be asked: ${message}`, { cause: thrown }));
    }
  }

  /** @returns false for what answers nothing. Throws TypeError for what is no report. */
  #receive(report: Report): boolean {
    switch (report.type) {
      case 'pong':
        return false;
      case 'log':
        return this.#log(report);
      case 'began':
        return this.#pending.get(report.id)?.begin() ?? this.#givenUp.has(report.id);
      case 'answer':
        this.#pending.get(report.id)?.succeed(report.value);
        return this.#done(report.id);
      case 'failed':
        this.#pending.get(report.id)?.fail(failureOf(report.error, this.#spec.name));
        return this.#done(report.id);
      default:
        throw new TypeError('a message of an unknown kind');
    }
  }

  /** @returns false when the question was not asked, or answered before. */
  #done(id: number): boolean {
    return this.#givenUp.delete(id) || this.#pending.delete(id);
  }

  #log({ level, fields, message }: Extract<Report, { type: 'log' }>): boolean {
    if (!LEVELS.has(level)) return false;
    const plain = typeof fields === 'object' && fields !== null ? fields : {};
    this.#spec.log[level](plain, typeof message === 'string' ? message : 'a line without text');
    return false;
  }

  /** The caller does not wait any more. */
  #giveUp(pending: PendingQuestion, error: GolekError): void {
    pending.fail(error);
    const process = this.#process;
    if (!pending.sent || !process || !this.#pending.delete(pending.id)) return;
    this.#givenUp.add(pending.id);
    if (this.#givenUp.size > MAX_GIVEN_UP)
      process.kill(`it does not end its work: ${MAX_GIVEN_UP} calls were given up`);
    else if (process.takes) process.send({ type: 'abort', id: pending.id, error: error.toJSON() });
  }

  #ended(process: PluginProcess, exit: EngineExit): void {
    if (this.#process !== process) return;
    const { log, limits } = this.#spec;
    const wasReady = this.#state.kind === 'ready' ? this.#state : undefined;
    this.#process = undefined;
    this.#notes = [];
    this.#trouble = `process ${exit.pid} ${describeExit(exit)}`;
    // While it is set up, no request has reached it: what it prints then is about itself.
    const error = this.#failed(this.#trouble, { ...exitDetails(exit), ...(!wasReady && { output: exit.output }) });
    this.#givenUp.clear();
    const alone =
      this.#pending
        .values()
        .filter(({ began }) => began)
        .toArray().length === 1;
    for (const pending of this.#pending.values()) {
      if (!pending.processEnded(alone)) pending.fail(error);
      else if (pending.suspect) this.#suspects.add(pending);
    }
    if (!wasReady) return;
    if (performance.now() - wasReady.since >= limits.stableMs) this.#crashes = 0;
    if (this.#closing.signal.aborted) return;
    log.error({ ...exitDetails(exit), output: exit.output }, `the plugin's process ended: ${this.#trouble}`);
    this.#scheduleRestart();
  }

  #scheduleRestart(): void {
    const { restartDelayMs, restartMaxDelayMs } = this.#spec.limits;
    const delay = restartDelay(++this.#crashes, restartDelayMs, restartMaxDelayMs, Math.random());
    const start = (): void => {
      this.#restarting = this.#restart();
    };
    if (delay === 0) return start();
    const timer = setTimeout(start, delay).unref();
    this.#state = { kind: 'waiting', due: performance.now() + delay, timer };
    if (delay > this.#spec.limits.waitMs) this.#failWaiting();
  }

  /** Never rejects: a start that fails is followed by a later one until the plugin is stopped. */
  async #restart(): Promise<void> {
    this.#state = { kind: 'starting' };
    const { log } = this.#spec;
    try {
      await this.#open(this.#closing.signal);
      log.info({ pid: this.#process?.pid, restarts: this.#crashes }, "the plugin's process was restarted");
    } catch (thrown) {
      if (this.#closing.signal.aborted) return;
      const error = GolekError.from(thrown, 'plugin_failed');
      this.#trouble = error.message;
      log.error({ error: error.toJSON(), restarts: this.#crashes }, "the plugin's process could not be restarted");
      this.#scheduleRestart();
    }
  }

  #refuseWhenFarOff(): void {
    if (this.#state.kind !== 'waiting') return;
    const seconds = secondsUntil(this.#state.due);
    if (seconds * 1_000 > this.#spec.limits.waitMs) {
      throw this.#failed(`it is not running: ${this.#trouble}`, undefined, seconds);
    }
  }

  #failWaiting(): void {
    if (this.#state.kind !== 'waiting') return;
    const error = this.#failed(`it is not running: ${this.#trouble}`, undefined, secondsUntil(this.#state.due));
    for (const pending of this.#pending.values()) pending.fail(error);
  }

  readonly #flush = (): void => {
    const notes = this.#notes;
    this.#notes = [];
    if (notes.length === 0 || this.#state.kind !== 'ready') return;
    try {
      this.#state.process.send({ type: 'notes', notes });
    } catch {
      this.#leaveOut(notes.length);
    }
  };

  #leaveOut(notes: number): void {
    this.#leftOut += notes;
    if (performance.now() - this.#saidAt < SAY_AGAIN_MS) return;
    this.#saidAt = performance.now();
    this.#spec.log.warn({ notes: this.#leftOut }, 'the plugin is too slow for its observers: events were left out');
    this.#leftOut = 0;
  }

  #failed(trouble: string, details?: Record<string, unknown>, retryAfter?: number): GolekError {
    return new GolekError('plugin_failed', `plugin '${this.#spec.name}': ${trouble}`, {
      details: { plugin: this.#spec.name, ...details },
      ...(retryAfter !== undefined && { retryAfter }),
    });
  }

  #shuttingDown(): GolekError {
    return new GolekError('shutting_down', `plugin '${this.#spec.name}' is stopped`);
  }
}

const PREPARING: ReadonlySet<Question> = new Set(['describe', 'setup', 'start']);
const UNCONDITIONAL: ReadonlySet<Question> = new Set([...PREPARING, 'stop']);
const LEVELS: ReadonlySet<string> = new Set(['debug', 'info', 'warn', 'error']);
const secondsUntil = (due: number): number => Math.max(0, Math.ceil((due - performance.now()) / 1_000));
