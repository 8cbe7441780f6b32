import { GolekError, nearest, type Log, type ModelRoute } from '@golek/api';
import type { LiveRoute, ModelRegistry } from '@golek/kernel';
import type { Configuration, ConfigurationManager } from '@golek/system';
import { modelsConfig } from '../config/models-config.ts';
import { routesConfig } from '../config/routes-config.ts';

export interface ConfiguredRoutesOptions {
  readonly configuration: Configuration;
  readonly manager: ConfigurationManager;
  readonly models: ModelRegistry;
  readonly log: Log;
}

export interface RouteChangeOptions {
  /** Revision that the route must have, `null` when it must not exist. */
  readonly expected?: number | null | undefined;
  readonly signal: AbortSignal;
}

/** Keeps the route table as the setting `routes` says, and changes that setting: it is the only source of routes. */
export class ConfiguredRoutes implements Disposable {
  readonly #configuration: Configuration;
  readonly #manager: ConfigurationManager;
  readonly #models: ModelRegistry;
  readonly #log: Log;
  #following: readonly Disposable[] = [];

  constructor({ configuration, manager, models, log }: ConfiguredRoutesOptions) {
    this.#configuration = configuration;
    this.#manager = manager;
    this.#models = models;
    this.#log = log;
  }

  /** Sets up the routes and follows the setting. Throws `config_invalid` for a route with the name of a model. */
  start(): void {
    const { routes: table } = this.#models;
    const check = this.#configuration.check(routesConfig, (routes, next) => {
      const models = new Set(next.get(modelsConfig).list.map(({ name }) => name));
      const twin = routes.find(({ name }) => models.has(name));
      try {
        if (twin)
          throw new GolekError('conflict', `a model of 'models.list' and a route are both named '${twin.name}'`);
        table.check(routes);
        return [];
      } catch (thrown) {
        return [{ key: 'routes', message: GolekError.from(thrown).message }];
      }
    });
    const watch = this.#configuration.watch(routesConfig, (routes) => this.#apply(routes));
    this.#following = [check, watch];
    this.#apply(this.#configuration.get(routesConfig));
  }

  /** Sets or replaces a route. Throws `conflict` for another revision, `model_not_found` when it leads to a name that does not exist. */
  async put(route: ModelRoute, { expected, signal }: RouteChangeOptions): Promise<LiveRoute> {
    await this.#change(signal, (routes) => {
      this.#models.routes.refuseRevision(route.name, expected);
      this.#refuseUnknown(route);
      const at = routes.findIndex(({ name }) => name === route.name);
      return at < 0 ? [...routes, route] : routes.with(at, route);
    });
    return this.#models.routes.find(route.name);
  }

  /** Throws `model_not_found` when there is no such route, `conflict` for another revision. */
  async remove(name: string, { expected, signal }: RouteChangeOptions): Promise<void> {
    await this.#change(signal, (routes) => {
      this.#models.routes.find(name);
      this.#models.routes.refuseRevision(name, expected);
      return routes.filter((route) => route.name !== name);
    });
  }

  /** Makes the canary of a route its only target. Throws `invalid_request` when it has none. */
  async promote(name: string, { expected, signal }: RouteChangeOptions): Promise<LiveRoute> {
    await this.#change(signal, (routes) => {
      this.#models.routes.refuseRevision(name, expected);
      const promoted = this.#models.routes.promoted(name);
      return routes.map((route) => (route.name === name ? promoted : route));
    });
    return this.#models.routes.find(name);
  }

  [Symbol.dispose](): void {
    for (const following of this.#following) following[Symbol.dispose]();
  }

  async #change(signal: AbortSignal, edit: (routes: readonly ModelRoute[]) => readonly ModelRoute[]): Promise<void> {
    await this.#manager.change(
      routesConfig.name,
      (present) => {
        const next = edit(routesConfig.schema.parse(present));
        this.#models.routes.check(next);
        return next;
      },
      { signal },
    );
  }

  /** A route of the configuration may lead to a model that comes later; whoever sets one by hand wants to know of a misspelling. */
  #refuseUnknown(route: ModelRoute): void {
    const [unknown] = this.#unknown(route);
    if (unknown === undefined) return;
    const hint = nearest(unknown, this.#models.names());
    throw new GolekError(
      'model_not_found',
      `route '${route.name}' leads to '${unknown}', and no model has this name${hint === undefined ? '' : `; did you mean '${hint}'?`}`,
    );
  }

  #unknown({ targets, canary, fallback }: ModelRoute): string[] {
    const models = [...targets.map(({ model }) => model), ...(canary ? [canary.target] : [])];
    return [
      ...models.filter((model) => !this.#models.resolve(model)),
      ...fallback.filter((name) => !this.#models.resolve(name) && !this.#models.routes.get(name)),
    ];
  }

  #apply(routes: readonly ModelRoute[]): void {
    this.#models.routes.replaceAll(routes);
    for (const route of routes) {
      const unknown = this.#unknown(route);
      if (unknown.length === 0) continue;
      this.#log.warn(
        { route: route.name, unknown },
        'a route leads to models that are not registered; they are left out',
      );
    }
  }
}
