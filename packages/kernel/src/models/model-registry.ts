import { GolekError, type ModelManifest } from '@golek/api';
import type { ModelSource } from '@golek/providers-spi';

/** A registered model: what it is and where it comes from. */
export interface ModelEntry {
  readonly manifest: ModelManifest;
  readonly source: ModelSource;
}

/** The models of a runtime, by name and alias. */
export class ModelRegistry {
  readonly #entries = new Map<string, ModelEntry>();
  readonly #aliases = new Map<string, string>();

  /** Throws `invalid_request` when the name is taken. */
  register(entry: ModelEntry): void {
    const { name } = entry.manifest;
    this.#refuseTaken(name);
    this.#entries.set(name, entry);
  }

  /** Makes `name` another name of the registered model `target`. Throws `invalid_request` or `model_not_found`. */
  alias(name: string, target: string): void {
    this.#refuseTaken(name);
    if (!this.#entries.has(target)) {
      throw new GolekError('model_not_found', `alias '${name}' points to '${target}', which is not registered`);
    }
    this.#aliases.set(name, target);
  }

  /** Forgets a model and its aliases; true when it was known. Sessions that are open stay open. */
  unregister(name: string): boolean {
    for (const [alias, target] of this.#aliases) if (target === name) this.#aliases.delete(alias);
    return this.#entries.delete(name);
  }

  resolve(name: string): ModelEntry | undefined {
    return this.#entries.get(name) ?? this.#entries.get(this.#aliases.get(name) ?? '');
  }

  list(): readonly ModelEntry[] {
    return [...this.#entries.values()];
  }

  /** Names and aliases. */
  names(): string[] {
    return [...this.#entries.keys(), ...this.#aliases.keys()];
  }

  #refuseTaken(name: string): void {
    if (this.#entries.has(name) || this.#aliases.has(name)) {
      throw new GolekError(
        'invalid_request',
        `a model or alias named '${name}' is registered already; choose another name`,
        { details: { name } },
      );
    }
  }
}
