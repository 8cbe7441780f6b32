import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ModelManifest } from '@golek/api';
import { GolekError } from '@golek/api/plain';
import { throwIfAborted } from '../abort-error.ts';
import type { Health, ModelSession, ModelSource, OpenOptions, Provider, ProviderCapabilities } from '../provider.ts';
import type { Log } from '@golek/api';
import { ThreadSharing } from '../machine/thread-shares.ts';
import type { EngineSpec } from './engine-process.ts';
import { Inspector } from './inspector.ts';
import { IsolatedSession } from './isolated-session.ts';
import { isolationLimits, type IsolationLimits } from './isolation-limits.ts';

/** What runs in the child processes, and how they are supervised. */
export interface IsolatedProviderOptions {
  /** Id of the provider, equal to the id of the one that the module makes. */
  readonly id: string;
  readonly capabilities: ProviderCapabilities;
  /** Module that the child imports: a file URL, such as `new URL('./engine.js', import.meta.url)`, or an absolute path. */
  readonly module: URL | string;
  /** Name of the module's export that makes the provider: `(options) => Provider | Promise<Provider>`. */
  readonly exportName: string;
  /** Argument of that function; must be structured-clonable. */
  readonly options?: unknown;
  /** Environment variables of the child beyond the few that it inherits. */
  readonly env?: Readonly<Record<string, string>>;
  readonly log?: Log;
  readonly limits?: Partial<IsolationLimits>;
  /** Engines that are busy at once share the processors, where their sessions have `threads` that can be changed. Default true. */
  readonly shareThreads?: boolean;
}

const moduleAddress = (module: URL | string): string => {
  if (module instanceof URL) return module.href;
  if (path.isAbsolute(module)) return pathToFileURL(module).href;
  if (module.startsWith('file:')) return module;
  throw new GolekError(
    'config_invalid',
    `module '${module}' is neither a file URL nor an absolute path; use import.meta.resolve('${module}')`,
  );
};

class IsolatedProvider implements Provider {
  readonly id: string;
  readonly capabilities: ProviderCapabilities;
  readonly #spec: EngineSpec;
  readonly #inspector: Inspector;
  readonly #sessions = new Set<IsolatedSession>();
  readonly #opening = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  constructor({
    id,
    capabilities,
    module,
    exportName,
    options,
    env,
    log,
    limits: given,
    shareThreads = true,
  }: IsolatedProviderOptions) {
    const limits = isolationLimits(given);
    const { windowEvents: window, maxMessageBytes } = limits;
    const setup = { module: moduleAddress(module), exportName, provider: id, options, window, maxMessageBytes };
    this.id = id;
    this.capabilities = capabilities;
    this.#spec = { setup, env, log, limits, sharing: shareThreads ? new ThreadSharing() : undefined };
    this.#inspector = new Inspector(this.#spec);
  }

  async inspect(source: ModelSource, { signal }: { readonly signal: AbortSignal }): Promise<ModelManifest> {
    throwIfAborted(this.#closing.signal);
    throwIfAborted(signal);
    return this.#inspector.inspect(source, signal);
  }

  async open(source: ModelSource, options: OpenOptions): Promise<ModelSession> {
    throwIfAborted(this.#closing.signal);
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    const opening = IsolatedSession.open(this.#spec, source, { ...options, signal }, (session) => {
      this.#sessions.delete(session);
    });
    const settled = opening.catch(() => undefined);
    this.#opening.add(settled);
    try {
      const session = await opening;
      this.#sessions.add(session);
      return session;
    } finally {
      this.#opening.delete(settled);
    }
  }

  health(): Promise<Health> {
    if (this.#closed) return Promise.resolve({ status: 'down', reason: 'the provider is closed' });
    const reasons = [...this.#sessions].flatMap((session) => {
      const { status, reason = status } = session.health();
      return status === 'ok' ? [] : [`${session.manifest.name}: ${reason}`];
    });
    return Promise.resolve(reasons.length > 0 ? { status: 'degraded', reason: reasons.join('; ') } : { status: 'ok' });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#closing.abort(new GolekError('shutting_down', `provider '${this.id}' is closed`));
    await Promise.all([...this.#opening, this.#inspector[Symbol.asyncDispose]()]);
    await Promise.all([...this.#sessions].map((session) => session[Symbol.asyncDispose]()));
  }
}

/**
 * Runs any provider in supervised child processes, one for each open model and one for inspections, over the same SPI. A crash
 * ends the runs of its model with `engine_crashed`; the child is started again with growing delays, and the session stays valid.
 * Throws `config_invalid` for a module or limit that cannot be used.
 *
 * @example isolatedProvider({ id, capabilities, module: new URL('./engine.js', import.meta.url), exportName: 'createEngine' });
 */
export const isolatedProvider = (options: IsolatedProviderOptions): Provider => new IsolatedProvider(options);
