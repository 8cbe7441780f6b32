import type { GolekError } from '@golek/api';
import type { ModelRegistry } from '@golek/kernel';
import type { Log } from '@golek/plugins-api';
import type { ModelSource, Provider } from '@golek/providers-spi';
import { inspectModels, type FailedModel } from './inspect-models.ts';

export interface ModelCatalogueOptions {
  readonly sources: readonly ModelSource[];
  readonly providers: readonly Provider[];
  readonly models: ModelRegistry;
  readonly log: Log;
}

/** Brings the known models into the registry and keeps those whose files cannot be used, with the reason. */
export class ModelCatalogue {
  readonly #options: ModelCatalogueOptions;
  readonly #failed = new Map<string, FailedModel>();

  constructor(options: ModelCatalogueOptions) {
    this.#options = options;
  }

  get failed(): readonly FailedModel[] {
    return [...this.#failed.values()];
  }

  /** Why the model of this name cannot be used. */
  failureOf(name: string): GolekError | undefined {
    return this.#failed.get(name)?.error;
  }

  /** Looks into every file and registers what can be used. */
  async load(signal: AbortSignal): Promise<void> {
    const { sources, providers, models, log } = this.#options;
    const { entries, failed } = await inspectModels(sources, providers, signal);
    for (const entry of entries) models.register(entry);
    for (const failure of failed) {
      this.#failed.set(failure.source.name, failure);
      const { name, location } = failure.source;
      log.warn(
        { model: name, path: location, code: failure.error.code },
        `model cannot be used: ${failure.error.message}`,
      );
    }
  }
}
