import type { HealthStatus, InferenceEvent, InferenceRequest, ModelManifest } from '@golek/api';
import { GolekError } from '@golek/api/plain';
import { abortError, throwIfAborted } from '../abort-error.ts';
import type { Health, ModelSession, ModelSource, OpenOptions, RunContext, SessionCapabilities } from '../provider.ts';
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
}

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
  readonly #runs = new Map<number, RemoteRun>();
  readonly #spans = new RunSpans();
  readonly #closing = new AbortController();
  /** Wake what waits for the state to change. */
  readonly #waiters = new Set<() => void>();
  #opened: OpenEngine;
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
  #closed: Promise<void> | undefined;

  private constructor(
    spec: EngineSpec,
    source: ModelSource,
    opened: OpenEngine,
    onHealth: OpenOptions['onHealth'],
    onClose: (session: IsolatedSession) => void,
  ) {
    this.#spec = spec;
    this.#source = source;
    this.#onHealth = onHealth;
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
    return new IsolatedSession(spec, source, await openEngine(spec, source, options), options.onHealth, onClose);
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
      const { engine, ledger } = this.#state.kind === 'ready' ? this.#state : await this.#untilReady(signal);
      const run = new RemoteRun(++this.#lastRun, ledger);
      const onAbort = (): void => run.cancel(abortError(signal));
      this.#runs.set(run.id, run);
      engine.hold();
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
    if (state.kind === 'ready') await state.engine.stop(this.#spec.limits.disposeMs);
    await this.#restarting;
    this.#failRuns(this.#shuttingDown());
    this.#spans.failAll(this.#shuttingDown(), undefined);
    this.#onClose(this);
  }

  #attach(opened: OpenEngine): void {
    const { engine } = opened;
    const ledger = new CreditLedger(this.#spec.setup.window, (grants) => engine.send({ type: 'credit', grants }));
    this.#opened = opened;
    this.#health = opened.health;
    engine.onReport = (report) => this.#receive(report);
    void engine.exited.then((exit) => this.#crashed(exit));
    this.#enter({ kind: 'ready', engine, ledger, since: performance.now() });
  }

  #receive(report: Report): void {
    if (report.type === 'events') {
      for (const part of report.batch) this.#runs.get(part.run)?.receive(part);
    } else if (report.type === 'spans') this.#spans.deliver(report.run, report.spans);
    else if (report.type === 'health') {
      this.#health = report.health;
      this.#tellHealth();
    }
  }

  /** Tells the owner of a change, but not of the end, which is its own doing. */
  #tellHealth(): void {
    if (this.#state.kind === 'closed') return;
    const health = this.health();
    if (health.status === this.#told) return;
    this.#told = health.status;
    this.#onHealth?.(health);
  }

  #crashed(exit: EngineExit): void {
    if (this.#state.kind !== 'ready') return;
    const { limits, log } = this.#spec;
    if (performance.now() - this.#state.since >= limits.stableMs) this.#crashes = 0;
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
    this.#spans.failAll(error, exit.pid);
    this.#failRuns(error);
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
  async #restart(): Promise<void> {
    this.#enter({ kind: 'starting' });
    const { log } = this.#spec;
    const model = this.#source.name;
    try {
      const opened = await openEngine(this.#spec, this.#source, { signal: this.#closing.signal });
      if (this.#closing.signal.aborted) return await opened.engine.stop(0);
      log?.info({ model, pid: opened.engine.pid, restarts: this.#crashes }, 'engine restarted');
      this.#attach(opened);
    } catch (thrown) {
      if (this.#closing.signal.aborted) return;
      const error = GolekError.from(thrown, 'model_load_failed');
      this.#trouble = error.message;
      log?.error({ model, error: error.toJSON(), restarts: this.#crashes }, 'engine restart failed');
      this.#scheduleRestart();
    }
  }

  /** Waits for a restart that is in progress or soon; throws `engine_crashed` with `retryAfter` for one that is not. */
  async #untilReady(signal: AbortSignal): Promise<Ready> {
    for (;;) {
      const state = this.#state;
      if (state.kind === 'ready') return state;
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
    for (const wake of this.#waiters) wake();
    this.#tellHealth();
  }

  #failRuns(error: GolekError): void {
    for (const run of this.#runs.values()) run.fail(error);
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
