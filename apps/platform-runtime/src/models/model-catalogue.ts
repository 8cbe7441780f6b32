import { GolekError } from '@golek/api';
import type { ModelRegistry } from '@golek/kernel';
import type { Log } from '@golek/plugins-api';
import type { Provider } from '@golek/providers-spi';
import { inspectModels, type FailedModel } from './inspect-models.ts';
import { sameModel, type PlatformModel } from './platform-model.ts';

export interface ModelCatalogueOptions {
  readonly models: readonly PlatformModel[];
  readonly providers: readonly Provider[];
  readonly registry: ModelRegistry;
  readonly log: Log;
}

/** Brings the known models into the registry and keeps those that cannot be used, with the reason. Models may come and go while the platform works. */
export class ModelCatalogue {
  readonly #registry: ModelRegistry;
  readonly #log: Log;
  readonly #known: Map<string, PlatformModel>;
  readonly #failed = new Map<string, FailedModel>();
  #providers: readonly Provider[];
  /** Changes one after the other: each looks at what the one before has left. */
  #last: Promise<void> = Promise.resolve();

  constructor({ models, providers, registry, log }: ModelCatalogueOptions) {
    this.#known = new Map(models.map((model) => [model.source.name, model]));
    this.#providers = providers;
    this.#registry = registry;
    this.#log = log;
  }

  get failed(): readonly FailedModel[] {
    return [...this.#failed.values()];
  }

  /** Why the model of this name cannot be used. */
  failureOf(name: string): GolekError | undefined {
    return this.#failed.get(name)?.error;
  }

  /** Looks at every model and registers what can be used. */
  load(signal: AbortSignal): Promise<void> {
    return this.#serially(() => this.#register([...this.#known.values()], signal));
  }

  /**
   * Serves these models beside the present ones; one of the same name is replaced in one step when it differs. One that cannot be used is kept among the failed, and looked at again when it
   * is added again.
   * @returns names of models whose open sessions are of an older kind.
   */
  async add(models: readonly PlatformModel[], signal: AbortSignal): Promise<readonly string[]> {
    let replaced: readonly string[] = [];
    await this.#serially(async () => {
      const changed = models.filter((model) => {
        const { name } = model.source;
        const present = this.#known.get(name);
        return !present || !sameModel(present, model) || this.#failed.has(name);
      });
      replaced = changed.map(({ source }) => source.name).filter((name) => this.#known.has(name));
      await this.#register(changed, signal);
      for (const model of changed) this.#known.set(model.source.name, model);
    });
    return replaced;
  }

  /** Serves the model no more; requests in progress end as they would. @returns false when nothing has the name. */
  async remove(name: string): Promise<boolean> {
    let known = false;
    await this.#serially(async () => {
      known = this.#forget(name);
    });
    return known;
  }

  /** Takes over the providers that there are now, and looks again at the models that had none. */
  useProviders(providers: readonly Provider[], signal: AbortSignal): Promise<void> {
    return this.#serially(async () => {
      this.#providers = providers;
      const ids = new Set(providers.map(({ id }) => id));
      const waiting = this.failed
        .filter(
          ({ model, error }) => error.code === 'unsupported' && model.provider !== undefined && ids.has(model.provider),
        )
        .map(({ model }) => model);
      await this.#register(waiting, signal);
    });
  }

  #forget(name: string): boolean {
    this.#failed.delete(name);
    this.#registry.unregister(name);
    return this.#known.delete(name);
  }

  async #register(models: readonly PlatformModel[], signal: AbortSignal): Promise<void> {
    if (models.length === 0) return;
    const { entries, failed } = await inspectModels(models, this.#providers, signal);
    const byName = new Map(models.map((model) => [model.source.name, model]));
    for (const entry of entries) {
      const { name } = entry.manifest;
      try {
        this.#registry.replace(entry);
        this.#failed.delete(name);
      } catch (thrown) {
        // A route has the name: the other models do not suffer for it.
        this.#fail(byName.get(name) ?? { source: entry.source }, GolekError.from(thrown));
      }
    }
    for (const { model, error } of failed) this.#fail(model, error);
  }

  #fail(model: PlatformModel, error: GolekError): void {
    const { name, location } = model.source;
    const before = this.#failed.get(name)?.error.message;
    this.#registry.unregister(name);
    this.#failed.set(name, { model, error });
    if (before === error.message) return;
    this.#log.warn({ model: name, path: location, code: error.code }, `model cannot be used: ${error.message}`);
  }

  #serially(change: () => Promise<void>): Promise<void> {
    const done = this.#last.then(change);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
