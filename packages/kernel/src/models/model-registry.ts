import { GolekError, ModelRoute, type LifecycleEvent, type Log, type ModelManifest } from '@golek/api';
import type { ModelSource } from '@golek/providers-spi';
import { RouteTable } from '../routing/route-table.ts';

/** A registered model: what it is and where it comes from. */
export interface ModelEntry {
  readonly manifest: ModelManifest;
  readonly source: ModelSource;
}

export interface ModelRegistryOptions {
  /** Told of models and routes that come, change and go. */
  readonly publish?: (event: LifecycleEvent) => void;
  readonly log?: Log;
}

/** The models of a runtime by name, and the routes to them; a name belongs to one of both. Changes take effect with the next request. */
export class ModelRegistry {
  readonly routes: RouteTable;
  readonly #entries = new Map<string, ModelEntry>();
  readonly #publish: (event: LifecycleEvent) => void;

  constructor({ publish = () => undefined, log }: ModelRegistryOptions = {}) {
    this.#publish = publish;
    this.routes = new RouteTable({ isModel: (name) => this.#entries.has(name), publish, ...(log && { log }) });
  }

  /** Throws `conflict` when a model or route has the name. */
  register(entry: ModelEntry): void {
    const { name, provider } = entry.manifest;
    const taken = this.#entries.has(name) ? 'model' : this.routes.get(name) && 'route';
    if (taken) {
      throw new GolekError('conflict', `a ${taken} named '${name}' is registered already; choose another name`, {
        details: { name },
      });
    }
    this.#entries.set(name, entry);
    this.#publish({ type: 'model.registered', model: name, provider });
  }

  /** Registers a model in the place of the one that has its name, in one step: no request finds the name gone. Throws `conflict` when a route has the name. */
  replace(entry: ModelEntry): void {
    const { name, provider } = entry.manifest;
    const previous = this.#entries.get(name);
    if (!previous) return this.register(entry);
    this.#entries.set(name, entry);
    this.#publish({ type: 'model.unregistered', model: name, provider: previous.manifest.provider });
    this.#publish({ type: 'model.registered', model: name, provider });
  }

  /** Makes `name` another name of the registered model `target`: a route with one target. Throws `conflict` or `model_not_found`. */
  alias(name: string, target: string): void {
    if (!this.#entries.has(target)) {
      throw new GolekError('model_not_found', `alias '${name}' points to '${target}', which is not registered`);
    }
    this.routes.set(ModelRoute.parse({ name, targets: [{ model: target }] }), null);
  }

  /** Forgets a model; true when it was known. Requests in progress keep it, sessions that are open stay open, and routes go on with their other targets. */
  unregister(name: string): boolean {
    const entry = this.#entries.get(name);
    if (!entry) return false;
    this.#entries.delete(name);
    this.#publish({ type: 'model.unregistered', model: name, provider: entry.manifest.provider });
    return true;
  }

  /** The model of this name; a route is none. */
  resolve(name: string): ModelEntry | undefined {
    return this.#entries.get(name);
  }

  list(): readonly ModelEntry[] {
    return [...this.#entries.values()];
  }

  /** Names of models and routes. */
  names(): string[] {
    return [...this.#entries.keys(), ...this.routes.names()];
  }
}
