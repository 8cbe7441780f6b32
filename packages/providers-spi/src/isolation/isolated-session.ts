import { setTimeout as sleep } from 'node:timers/promises';
import type { HealthStatus, InferenceEvent, InferenceRequest, ModelManifest } from '@golek/api';
import { GolekError } from '@golek/api/plain';
import { abortError, throwIfAborted } from '../abort-error.ts';
import type { Health, ModelSession, ModelSource, OpenOptions, RunContext, SessionCapabilities } from '../provider.ts';
import { takesThreads, type ThreadUser } from '../machine/thread-shares.ts';
import { wireBytes } from './credit.ts';
import { CreditLedger } from './credit-ledger.ts';
import { describeExit, exitDetails, type EngineExit } from './engine-exit.ts';
import type { EngineProcess, EngineSpec } from './engine-process.ts';
import type { Command, Report } from './messages.ts';
import { openEngine, type OpenEngine } from './open-engine.ts';
import { RemoteRun } from './remote-run.ts';
import { RunSpans } from './run-spans.ts';
import { restartDelay } from './restart-delay.ts';

type RunCommand = Extract<Command, { type: 'run' }>;

/** The child that works for the session, and what sends to it. */
interface Ready {
  readonly kind: 'ready';
  readonly engine: EngineProcess;
  readonly ledger: CreditLedger;
  /** Milliseconds of `performance.now()`. */
  readonly since: number;
  /** Its runs have greater ids. */
  readonly after: number;
}

/** A child whose runs go on although another works for the session. */
interface Draining {
  readonly engine: EngineProcess;
  readonly user: ThreadUser | undefined;
  /** Its runs have no greater ids. */
  readonly upTo: number;
}

/** Until a worn engine is killed that was told to end, milliseconds: it may save what it has, and seldom can free it. */
const WORN_STOP_MS = 2_500;

type State =
  | Ready
  | { readonly kind: 'starting' }
  /** The next start is at `due`, milliseconds of `performance.now()`. */
  | { readonly kind: 'waiting'; readonly due: number; readonly timer: NodeJS.Timeout }
  | { readonly kind: 'closed' };

/** A model in a child process that is started again when it ends. */
export class IsolatedSession implements ModelSession {
  readonly #spec: EngineSpec;
  readonly #source: ModelSource;
  readonly #onClose: (session: IsolatedSession) => void;
  readonly #onHealth: OpenOptions['onHealth'];
  readonly #memoryLimitBytes: number | undefined;
  readonly #runs = new Map<number, RemoteRun>();
  readonly #spans = new RunSpans();
  readonly #closing = new AbortController();
  /** Wake what waits for the state to change. */
  readonly #waiters = new Set<() => void>();
  #opened: OpenEngine;
  /** The engine among those that share the processors. */
  #user: ThreadUser | undefined;
  #health: Health;
  /** What the owner was told last. */
  #told: HealthStatus;
  #state: State = { kind: 'starting' };
  /** Why the last child ended. */
  #trouble = '';
  #crashes = 0;
  #lastRun = 0;
  #inHand = 0;
  #restarting: Promise<void> = Promise.resolve();
  /** Why the child that works now should be replaced. */
  #worn: string | undefined;
  /** What the last child that was worn left to those after it. */
  #handover: unknown;
  /** The child before, while its runs go on. */
  #draining: Draining | undefined;
  /** New runs wait. */
  #held = false;
  #recycling: Promise<void> | undefined;
  /** When the last replacement began, milliseconds of `performance.now()`. */
  #recycledAt = -Infinity;
  #closed: Promise<void> | undefined;

  private constructor(
    spec: EngineSpec,
    source: ModelSource,
    opened: OpenEngine,
    { onHealth, memoryLimitBytes }: OpenOptions,
    onClose: (session: IsolatedSession) => void,
  ) {
    this.#spec = spec;
    this.#source = source;
    this.#onHealth = onHealth;
    this.#memoryLimitBytes = memoryLimitBytes;
    this.#onClose = onClose;
    this.#opened = opened;
    this.#health = opened.health;
    this.#told = opened.health.status;
    this.#attach(opened);
  }

  /** Opens a model in a child of its own. Throws what `openEngine` throws. */
  static async open(
    spec: EngineSpec,
    source: ModelSource,
    options: OpenOptions,
    onClose: (session: IsolatedSession) => void,
  ): Promise<IsolatedSession> {
    return new IsolatedSession(spec, source, await openEngine(spec, source, options), options, onClose);
  }

  get manifest(): ModelManifest {
    return this.#opened.manifest;
  }

  get capabilities(): SessionCapabilities {
    return this.#opened.capabilities;
  }

  health(): Health {
    switch (this.#state.kind) {
      case 'ready':
        return this.#health;
      case 'starting':
        return { status: 'degraded', reason: `the engine is being restarted: ${this.#trouble}` };
      case 'waiting':
        return {
          status: 'down',
          reason: `the engine will be restarted in ${this.#secondsLeft(this.#state.due)} s: ${this.#trouble}`,
        };
      case 'closed':
        return { status: 'down', reason: 'the model is closed' };
    }
  }

  async *run(
    request: InferenceRequest,
    { signal, id, traceparent, onSpan, tenant, priority, deadline }: RunContext,
  ): AsyncGenerator<InferenceEvent, void, undefined> {
    throwIfAborted(signal);
    this.#refuseWhenClosed();
    if (this.#inHand >= this.#spec.limits.maxRuns) {
      throw new GolekError(
        'overloaded',
        `model '${this.#source.name}' has ${this.#inHand} runs in hand; maxRuns is reached`,
      );
    }
    this.#inHand++;
    try {
      let ready = this.#readyNow();
      while (!ready) {
        await this.#untilReady(signal);
        ready = this.#readyNow();
      }
      const { engine, ledger } = ready;
      const run = new RemoteRun(++this.#lastRun, ledger);
      const onAbort = (): void => run.cancel(abortError(signal));
      this.#runs.set(run.id, run);
      const user = takesThreads(request.task) ? this.#user : undefined;
      engine.hold();
      // Before the run itself: it is evaluated with the threads that are left to it from its first step on.
      user?.begin();
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        const traced = onSpan !== undefined && traceparent !== undefined;
        const leftMs = deadline === undefined ? undefined : deadline - performance.now();
        const facts = { traceparent, traced, tenant, priority, leftMs };
        this.#send(engine, { type: 'run', run: run.id, request, id, ...facts });
        if (traced) this.#spans.expect(run.id, traceparent, onSpan);
        for (;;) {
          const event = run.take();
          if (event) yield event;
          else if (run.done) return;
          else await run.change();
        }
      } finally {
        signal.removeEventListener('abort', onAbort);
        this.#runs.delete(run.id);
        if (!run.done) {
          const error = signal.aborted
            ? abortError(signal)
            : new GolekError('cancelled', 'the consumer stopped reading');
          engine.send({ type: 'abort', run: run.id, error: error.toJSON() });
        }
        engine.release();
        user?.end();
        if (this.#recycling) this.#wake();
      }
    } finally {
      this.#inHand--;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    const state = this.#state;
    this.#closing.abort(this.#shuttingDown());
    if (state.kind === 'waiting') clearTimeout(state.timer);
    this.#enter({ kind: 'closed' });
    const { disposeMs } = this.#spec.limits;
    if (state.kind === 'ready')
      await state.engine.stop(this.#worn === undefined ? disposeMs : Math.min(disposeMs, WORN_STOP_MS));
    await this.#recycling;
    await this.#restarting;
    this.#failRuns(this.#shuttingDown());
    this.#spans.failAll(this.#shuttingDown(), undefined);
    this.#onClose(this);
  }

  #attach(opened: OpenEngine): void {
    const { engine, threads: most } = opened;
    const ledger = new CreditLedger(this.#spec.setup.window, (grants) => engine.send({ type: 'credit', grants }));
    this.#opened = opened;
    this.#health = opened.health;
    this.#worn = undefined;
    if (most !== undefined)
      this.#user = this.#spec.sharing?.join({ most, use: (count) => engine.send({ type: 'threads', count }) });
    engine.onReport = (report) => this.#receive(engine, report);
    void engine.exited.then((exit) => this.#ended(engine, exit));
    this.#enter({ kind: 'ready', engine, ledger, since: performance.now(), after: this.#lastRun });
  }

  #receive(engine: EngineProcess, report: Report): void {
    if (report.type === 'events') {
      for (const part of report.batch) this.#runs.get(part.run)?.receive(part);
    } else if (report.type === 'spans') this.#spans.deliver(report.run, report.spans);
    else if (report.type === 'health') {
      if (this.#state.kind !== 'ready' || this.#state.engine !== engine) return this.#handOver(report);
      this.#health = report.health;
      this.#worn = report.health.recycle?.reason;
      if (this.#worn !== undefined) {
        this.#handover = report.handover;
        this.#recycling ??= this.#recycle();
      }
      this.#tellHealth();
    }
  }

  /** From a child that is or will be replaced to the one that works now, or those after it. */
  #handOver({ handover }: { readonly handover: unknown }): void {
    if (handover === undefined) return;
    const state = this.#state;
    if (state.kind === 'ready') state.engine.send({ type: 'handover', handover });
    if (state.kind !== 'ready' || this.#worn === undefined) this.#handover = handover;
  }

  /** Tells the owner of a change, but not of the end, which is its own doing. */
  #tellHealth(): void {
    if (this.#state.kind === 'closed') return;
    const health = this.health();
    if (health.status === this.#told) return;
    this.#told = health.status;
    this.#onHealth?.(health);
  }

  #ended(engine: EngineProcess, exit: EngineExit): void {
    if (this.#draining?.engine === engine) this.#failDraining(`process ${exit.pid} ${describeExit(exit)}`, exit);
    else if (this.#state.kind === 'ready' && this.#state.engine === engine) this.#crashed(this.#state, exit);
  }

  #crashed({ since, after }: Ready, exit: EngineExit): void {
    const { limits, log } = this.#spec;
    if (performance.now() - since >= limits.stableMs) this.#crashes = 0;
    const model = this.#source.name;
    this.#trouble = `process ${exit.pid} ${describeExit(exit)}`;
    log?.error(
      { model, ...exitDetails(exit), output: exit.output, runs: this.#runs.size },
      `engine crashed: ${this.#trouble}`,
    );
    const error = new GolekError(
      'engine_crashed',
      `the engine of model '${model}' ended while it worked: ${this.#trouble}`,
      { details: { model, ...exitDetails(exit) } },
    );
    const wasIts = (run: number): boolean => run > after;
    this.#spans.failAll(error, exit.pid, wasIts);
    this.#failRuns(error, wasIts);
    this.#scheduleRestart();
  }

  #scheduleRestart(): void {
    const { restartDelayMs, restartMaxDelayMs } = this.#spec.limits;
    const delay = restartDelay(++this.#crashes, restartDelayMs, restartMaxDelayMs, Math.random());
    const start = (): void => {
      this.#restarting = this.#restart();
    };
    if (delay === 0) start();
    else {
      const timer = setTimeout(start, delay).unref();
      this.#enter({ kind: 'waiting', due: performance.now() + delay, timer });
    }
  }

  /** Never rejects: a start that fails is followed by a later one until the session is closed. */
  async #restart(done = 'engine restarted'): Promise<void> {
    this.#enter({ kind: 'starting' });
    const { log } = this.#spec;
    const model = this.#source.name;
    try {
      const opened = await this.#openNext();
      if (this.#closing.signal.aborted) return await opened.engine.stop(0);
      log?.info({ model, pid: opened.engine.pid, restarts: this.#crashes }, done);
      this.#attach(opened);
    } catch (thrown) {
      if (this.#closing.signal.aborted) return;
      const error = GolekError.from(thrown, 'model_load_failed');
      this.#trouble = error.message;
      log?.error({ model, error: error.toJSON(), restarts: this.#crashes }, 'engine restart failed');
      this.#scheduleRestart();
    }
  }

  #openNext(memoryLimitBytes?: number): Promise<OpenEngine> {
    const options = { signal: this.#closing.signal, memoryLimitBytes, handover: this.#handover };
    return openEngine(this.#spec, this.#source, options);
  }

  /**
   * Replaces a child that is worn: by one beside it where there is memory for both, else in a moment without runs. Not more often than each `recycleMs`, for
   * what wears an engine may be a request. Never rejects.
   */
  async #recycle(): Promise<void> {
    const { recycleMs, drainMs } = this.#spec.limits;
    const { signal: closing } = this.#closing;
    try {
      for (;;) {
        const pause = this.#recycledAt + recycleMs - performance.now();
        if (pause > 0) await sleep(pause, undefined, { signal: closing, ref: false });
        const worn = this.#state;
        if (closing.aborted || worn.kind !== 'ready' || this.#worn === undefined) return;
        this.#recycledAt = performance.now();
        await this.#replace(worn, this.#worn);
        await this.#drain(AbortSignal.any([closing, AbortSignal.timeout(drainMs)]));
      }
    } catch (thrown) {
      if (!closing.aborted) this.#spec.log?.error({ model: this.#source.name, err: thrown }, 'engine recycling failed');
    } finally {
      this.#recycling = undefined;
    }
  }

  async #replace(worn: Ready, reason: string): Promise<void> {
    const { log } = this.#spec;
    const fields = { model: this.#source.name, pid: worn.engine.pid, runs: this.#runs.size, reason };
    log?.warn(fields, `engine is worn: ${reason}`);
    let opened: OpenEngine;
    try {
      // Of what the model was allowed, the one that is worn has its part.
      const limit = this.#memoryLimitBytes;
      const own = this.#opened.capabilities.memoryBytes ?? 0;
      opened = await this.#openNext(limit === undefined ? undefined : Math.max(0, limit - own));
    } catch (thrown) {
      if (this.#closing.signal.aborted) return;
      log?.info({ ...fields, error: GolekError.from(thrown).toJSON() }, 'no engine can be started beside the worn one');
      return this.#replaceAlone(worn);
    }
    // It may have crashed, or the model been closed, meanwhile.
    if (this.#state !== worn) return opened.engine.stop(0);
    this.#draining = { engine: worn.engine, user: this.#user, upTo: this.#lastRun };
    this.#attach(opened);
    log?.info({ ...fields, pid: opened.engine.pid, worn: worn.engine.pid }, 'engine recycled');
  }

  /** Ends the worn child, when it has no run, before another is started. New runs wait for such a moment, but not long, and no run is ended for it. */
  async #replaceAlone(worn: Ready): Promise<void> {
    this.#held = true;
    try {
      const ends = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(this.#spec.limits.restartWaitMs)]);
      while (this.#runs.size > 0 && this.#state === worn && !ends.aborted)
        await this.#change(ends).catch(() => undefined);
      if (this.#runs.size > 0 || this.#state !== worn) return;
      this.#trouble = this.#worn ?? 'it was worn';
      this.#enter({ kind: 'starting' });
    } finally {
      this.#held = false;
      this.#wake();
    }
    await worn.engine.stop(WORN_STOP_MS);
    if (this.#closing.signal.aborted) return;
    this.#restarting = this.#restart('engine recycled');
    await this.#restarting;
  }

  /** Ends the child that was replaced when its runs have ended, or with the signal. */
  async #drain(signal: AbortSignal): Promise<void> {
    if (!this.#draining) return;
    const { engine, user, upTo } = this.#draining;
    const hasRuns = (): boolean => [...this.#runs.keys()].some((run) => run <= upTo);
    while (hasRuns() && !signal.aborted) await this.#change(signal).catch(() => undefined);
    if (hasRuns() && !this.#closing.signal.aborted)
      this.#failDraining(`it was replaced, and the run did not end within ${this.#spec.limits.drainMs} ms`);
    await engine.stop(WORN_STOP_MS);
    user?.leave();
    this.#draining = undefined;
    this.#spec.log?.info({ model: this.#source.name, pid: engine.pid }, 'worn engine ended');
  }

  #failDraining(why: string, exit?: EngineExit): void {
    if (!this.#draining) return;
    const { engine, upTo } = this.#draining;
    const model = this.#source.name;
    const details = { model, ...(exit ? exitDetails(exit) : { pid: engine.pid }) };
    const error = new GolekError('engine_crashed', `an engine of model '${model}' ended while it worked: ${why}`, {
      details,
    });
    const wasIts = (run: number): boolean => run <= upTo;
    this.#spans.failAll(error, engine.pid, wasIts);
    this.#failRuns(error, wasIts);
  }

  #readyNow(): Ready | undefined {
    return this.#state.kind === 'ready' && !this.#held ? this.#state : undefined;
  }

  /** Waits for a start that is in progress or soon; throws `engine_crashed` with `retryAfter` for one that is not. */
  async #untilReady(signal: AbortSignal): Promise<void> {
    for (;;) {
      const state = this.#state;
      if (this.#readyNow()) return;
      this.#refuseWhenClosed();
      if (state.kind === 'waiting') {
        const seconds = this.#secondsLeft(state.due);
        if (seconds * 1_000 > this.#spec.limits.restartWaitMs) throw this.#down(seconds);
        state.timer.ref();
      }
      await this.#change(signal);
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#waiters.delete(end);
        signal.removeEventListener('abort', end);
        if (signal.aborted) reject(abortError(signal));
        else resolve();
      };
      this.#waiters.add(end);
      signal.addEventListener('abort', end, { once: true });
    });
  }

  #enter(state: State): void {
    this.#state = state;
    if (state.kind !== 'ready') this.#user?.leave();
    this.#wake();
    this.#tellHealth();
  }

  #wake(): void {
    for (const wake of this.#waiters) wake();
  }

  #failRuns(error: GolekError, which: (run: number) => boolean = () => true): void {
    for (const run of this.#runs.values()) if (which(run.id)) run.fail(error);
  }

  /** Throws `request_too_large`, and `invalid_request` for a request that is not plain data. */
  #send(engine: EngineProcess, command: RunCommand): void {
    const { maxMessageBytes } = this.#spec.limits;
    let bytes: number;
    try {
      bytes = wireBytes(command.request);
      if (bytes <= maxMessageBytes) return engine.send(command);
    } catch (thrown) {
      throw new GolekError('invalid_request', `the request cannot be sent to the engine process: ${String(thrown)}`, {
        cause: thrown,
      });
    }
    throw new GolekError(
      'request_too_large',
      `the request of about ${bytes} bytes is larger than maxMessageBytes (${maxMessageBytes}) of the engine process`,
    );
  }

  #refuseWhenClosed(): void {
    if (this.#state.kind === 'closed') throw this.#shuttingDown();
  }

  #shuttingDown(): GolekError {
    return new GolekError('shutting_down', `model '${this.#source.name}' is being closed`);
  }

  #down(seconds: number): GolekError {
    const model = this.#source.name;
    return new GolekError('engine_crashed', `the engine of model '${model}' is down: ${this.#trouble}`, {
      retryAfter: Math.ceil(seconds),
      details: { model },
    });
  }

  #secondsLeft(due: number): number {
    return Math.max(0, Math.round(due - performance.now())) / 1_000;
  }
}
