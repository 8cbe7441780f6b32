import { GolekError } from '@golek/api';
import { SILENT_LOG, type Log } from '@golek/plugins-api';
import type { Configuration } from './configuration/configuration.ts';
import { resolveConfiguration } from './configuration/resolve-configuration.ts';
import { RunningServices } from './registry/running-services.ts';
import { ServiceRegistry, type Override } from './registry/service-registry.ts';
import { serviceToken, type ServiceToken } from './registry/service-token.ts';
import { sectionsOf, type SystemModule } from './system-module.ts';

export interface SystemOptions {
  readonly modules: readonly SystemModule[];
  /** Default: every section's defaults. */
  readonly configuration?: Configuration;
  /** Default: nothing is logged. */
  readonly log?: Log;
  /** Services to be replaced by given values, for tests. */
  readonly overrides?: readonly Override[];
  /** Told each time that the state has changed; services can still be had while the system is `running` and when it begins to stop. Must not throw. */
  readonly onState?: (state: SystemState, system: System) => void;
}

/** The log of the system that a service belongs to. */
export const LOG = serviceToken<Log>('log');
export const CONFIGURATION = serviceToken<Configuration>('configuration');

export type SystemState = 'new' | 'starting' | 'running' | 'stopping' | 'stopped';

/** A composed runtime: its services, started in the order of their needs and stopped in reverse. */
export class System implements AsyncDisposable {
  readonly configuration: Configuration;
  readonly #services: RunningServices;
  readonly #log: Log;
  readonly #onState: SystemOptions['onState'];
  readonly #stopping = new AbortController();
  #state: SystemState = 'new';
  #starting: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(services: RunningServices, configuration: Configuration, log: Log, onState?: SystemOptions['onState']) {
    this.#services = services;
    this.#onState = onState;
    this.configuration = configuration;
    this.#log = log;
  }

  get state(): SystemState {
    return this.#state;
  }

  /**
   * Makes and starts every service, once. When one fails, or the signal is aborted, what had started is stopped and the failure is thrown.
   */
  async start({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#state !== 'new') {
      throw new GolekError('composition_invalid', `the system is ${this.#state}; it can be started once`);
    }
    this.#enter('starting');
    const stop = this.#stopping.signal;
    this.#starting = this.#services.start(signal ? AbortSignal.any([signal, stop]) : stop);
    try {
      await this.#starting;
    } catch (thrown) {
      await this.#stopAll();
      throw GolekError.from(thrown);
    }
    this.#enter('running');
    this.#log.debug({ services: this.#services.names }, 'system started');
  }

  /** Throws `composition_invalid` for a service that does not exist or is not started. */
  get<T>(token: ServiceToken<T>): T {
    return this.#services.get(token);
  }

  /** Stops every service, last started first; further calls wait for the same stop. Throws `internal` that names the services that did not stop well. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    this.#stopping.abort(new GolekError('shutting_down', 'the system was stopped while it started'));
    await this.#starting?.catch(() => undefined);
    const failures = await this.#stopAll();
    if (failures.length === 0) return;
    const reasons = failures.map(({ service, error }) => `${service}: ${messageOf(error)}`);
    throw new GolekError('internal', `${failures.length} services did not stop well: ${reasons.join('; ')}`, {
      cause: new AggregateError(failures.map(({ error }) => error)),
    });
  }

  #enter(state: SystemState): void {
    this.#state = state;
    this.#onState?.(state, this);
  }

  async #stopAll(): Promise<Awaited<ReturnType<RunningServices['stop']>>> {
    this.#enter('stopping');
    const failures = await this.#services.stop();
    for (const { service, error } of failures) this.#log.error({ service, err: error }, 'service did not stop well');
    this.#enter('stopped');
    return failures;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * Composes a runtime from modules; nothing runs before `start`. Throws `composition_invalid` for modules that do not fit together: a name or service
 * twice, a missing need, a circle, a section that the configuration lacks.
 *
 * @example await using system = createSystem({ modules: [kernelModule(), myModule] }); await system.start();
 */
export const createSystem = ({
  modules,
  configuration,
  log = SILENT_LOG,
  overrides = [],
  onState,
}: SystemOptions): System => {
  refuseTwins(modules);
  const sections = sectionsOf(modules);
  const settings = configuration ?? resolveConfiguration({ sections });
  const missing = sections.find((section) => !settings.sections.includes(section));
  if (missing) {
    throw new GolekError(
      'composition_invalid',
      `the configuration was resolved without the section '${missing.name}': pass sectionsOf(modules) to resolveConfiguration`,
    );
  }
  const registry = new ServiceRegistry();
  const own = registry.registrar('system');
  own.provide(LOG, log);
  own.provide(CONFIGURATION, settings);
  for (const module of modules) module.register(registry.registrar(module.name), { configuration: settings, log });
  overrides.forEach((replacement) => registry.override(replacement));
  return new System(new RunningServices(registry.nodes()), settings, log, onState);
};

const refuseTwins = (modules: readonly SystemModule[]): void => {
  const names = new Set<string>();
  for (const { name } of modules) {
    if (names.has(name)) throw new GolekError('composition_invalid', `two modules are named '${name}'`);
    names.add(name);
  }
};
