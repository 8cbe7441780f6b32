import { isDeepStrictEqual } from 'node:util';
import { GolekError } from '@golek/api/plain';
import type { ModelSession, ModelSource, Provider } from '../../provider.ts';
import type { Command, EngineSetup, Report } from '../messages.ts';
import { ChildRun } from './child-run.ts';
import { Outbox } from './outbox.ts';

const HEALTH_MS = 1_000;
const PROGRESS_STEP = 0.01;

type HealthReport = Extract<Report, { type: 'health' }>;

const healthOf = (session: ModelSession): HealthReport => {
  const health = session.health();
  return { type: 'health', health, handover: health.recycle && session.handover?.() };
};

const loadProvider = async ({ module, exportName, provider: id, options }: EngineSetup): Promise<Provider> => {
  const exported = (await import(module)) as Readonly<Record<string, unknown>>;
  const make = exported[exportName];
  if (typeof make !== 'function') {
    throw new GolekError('model_load_failed', `module '${module}' exports no function '${exportName}'`);
  }
  const provider = await (make as (options: unknown) => Provider | Promise<Provider>)(options);
  if (provider.id !== id) {
    throw new GolekError(
      'model_load_failed',
      `'${exportName}' made the provider '${provider.id}', not '${id}'; use one id`,
    );
  }
  return provider;
};

/** The child's side of the border: one provider, at most one open model, and its runs. */
export class EngineHost {
  readonly #send: (report: Report) => void;
  readonly #outbox: Outbox;
  readonly #runs = new Map<number, ChildRun>();
  readonly #closing = new AbortController();
  #setup: EngineSetup | undefined;
  #provider: Provider | undefined;
  #session: ModelSession | undefined;

  constructor(send: (report: Report) => void) {
    this.#send = send;
    this.#outbox = new Outbox(send);
  }

  handle(command: Command): void {
    switch (command.type) {
      case 'setup':
        return this.#answer(async () => {
          this.#setup = command.setup;
          this.#provider = await loadProvider(command.setup);
          return { type: 'hello' };
        });
      case 'inspect':
        return this.#answer(async () => ({ type: 'inspected', manifest: await this.#inspect(command.source) }));
      case 'open':
        return this.#answer(() => this.#open(command));
      case 'run':
        return void this.#run(command);
      case 'abort':
        return this.#runs.get(command.run)?.stop(GolekError.fromData(command.error));
      case 'credit':
        for (let i = 0; i < command.grants.length; i += 2) {
          this.#runs.get(command.grants[i] ?? -1)?.grant(command.grants[i + 1] ?? 0);
        }
        return;
      case 'threads':
        return this.#session?.threads?.use(command.count);
      case 'handover':
        return this.#session?.takeOver?.(command.handover);
      case 'ping':
        return this.#send({ type: 'pong' });
      case 'dispose':
        return void this.#dispose();
    }
  }

  /** True from the supervisor's order to end. */
  get closing(): boolean {
    return this.#closing.signal.aborted;
  }

  #answer(work: () => Promise<Report>): void {
    work()
      .catch((thrown: unknown): Report => {
        return { type: 'failed', error: GolekError.from(thrown, 'model_load_failed').toJSON() };
      })
      .then(this.#send)
      // What the provider gave cannot be cloned: nothing can be said but that.
      .catch((thrown: unknown) => {
        const message = `what the provider gave cannot cross the process border: ${String(thrown)}`;
        this.#send({ type: 'failed', error: new GolekError('model_load_failed', message).toJSON() });
      });
  }

  #inspect(source: ModelSource): ReturnType<Provider['inspect']> {
    return this.#loaded().inspect(source, { signal: this.#closing.signal });
  }

  async #open({ source, memoryLimitBytes, handover }: Extract<Command, { type: 'open' }>): Promise<Report> {
    let told = 0;
    const onProgress = (fraction: number): void => {
      if (fraction - told < PROGRESS_STEP && (fraction < 1 || told === 1)) return;
      told = fraction;
      this.#send({ type: 'progress', fraction });
    };
    const { signal } = this.#closing;
    const session = await this.#loaded().open(source, { signal, onProgress, memoryLimitBytes, handover });
    this.#session = session;
    const health = session.health();
    this.#watchHealth(session, { type: 'health', health, handover: undefined });
    const { manifest, capabilities, threads } = session;
    return { type: 'opened', manifest, capabilities, health, threads: threads?.most };
  }

  async #run(command: Extract<Command, { type: 'run' }>): Promise<void> {
    if (!this.#session || !this.#setup) throw new TypeError('a run before a model is open');
    const run = new ChildRun(command.run, this.#setup, this.#outbox);
    this.#runs.set(run.id, run);
    await run.work(this.#session, command);
    this.#runs.delete(run.id);
    if (command.traced) this.#sendSpans(run);
  }

  /** After the run's last event, which leaves with the turn. */
  #sendSpans({ id, spans }: ChildRun): void {
    this.#outbox.flush();
    try {
      this.#send({ type: 'spans', run: id, spans });
    } catch {
      // What a provider put into an attribute cannot be cloned: the run is fine, its spans are lost.
      this.#send({ type: 'spans', run: id, spans: [] });
    }
  }

  #watchHealth(session: ModelSession, first: HealthReport): void {
    let last = first;
    setInterval(() => {
      const now = healthOf(session);
      if (isDeepStrictEqual(now, last)) return;
      last = now;
      this.#send(now);
    }, HEALTH_MS).unref();
  }

  async #dispose(): Promise<void> {
    // What it leaves to the engine that takes over.
    if (this.#session) {
      const last = healthOf(this.#session);
      if (last.health.recycle) this.#send(last);
    }
    this.#closing.abort(new GolekError('shutting_down', 'the engine is being closed'));
    await this.#session?.[Symbol.asyncDispose]();
    // A session ends its runs by itself; what still waits for credit of a consumer is ended here.
    for (const run of this.#runs.values()) {
      const error = new GolekError('shutting_down', `the model is being closed`).toJSON();
      this.#outbox.end(run, { type: 'error', error });
    }
    this.#outbox.flush();
    await this.#provider?.[Symbol.asyncDispose]();
    this.#send({ type: 'disposed' });
  }

  #loaded(): Provider {
    if (!this.#provider) throw new TypeError('a command before the setup');
    return this.#provider;
  }
}
