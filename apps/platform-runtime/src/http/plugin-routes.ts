import { GolekError } from '@golek/api';
import type { ExtensionConsumer } from '@golek/kernel';
import type { HttpRoute, Log } from '@golek/plugins-api';
import type { Exchange } from './exchange.ts';
import { answerPluginRoute } from './plugin-route.ts';
import type { Route } from './route.ts';
import { RouteTable } from './route-table.ts';

export interface PluginRouteLimits {
  /** A client that reads nothing of a stream for so long is cut off, milliseconds. */
  readonly writeTimeoutMs: number;
}

/** `/a/:b/*`: parts are literal, `:name`, or `*` at the end. */
const PATH = /^(?:\/(?:[\w.~%!$&'+,;=@-]+|:[A-Za-z_]\w*))*(?:\/|\/\*)?$/;
const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']);

/** A plugin's route and the requests in it. */
class ServedRoute implements Route {
  readonly route: HttpRoute;
  readonly method: Route['method'];
  readonly path: string;
  readonly scope: Route['scope'];
  readonly #open = new Set<Exchange>();
  readonly #owner: PluginRoutes;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(route: HttpRoute, owner: PluginRoutes) {
    this.route = route;
    this.method = route.method;
    this.path = route.path;
    this.scope = route.scope ?? 'inference';
    this.#owner = owner;
  }

  get open(): ReadonlySet<Exchange> {
    return this.#open;
  }

  async handle(exchange: Exchange): Promise<void> {
    if (this.#owner.draining) {
      throw new GolekError('shutting_down', 'the runtime is stopping and takes no new requests');
    }
    this.#open.add(exchange);
    try {
      await answerPluginRoute(this.route, exchange, this.#owner.limits, this.#owner.log);
    } finally {
      this.#open.delete(exchange);
      if (this.#open.size === 0) this.#idle?.resolve();
    }
  }

  /** Resolves when no request is in it. */
  idle(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }
}

/** The routes that plugins bring. They change while requests run; a request stays with the route that it began in. */
export class PluginRoutes implements ExtensionConsumer<HttpRoute> {
  readonly log: Log;
  limits: PluginRouteLimits;
  draining = false;
  readonly #own: readonly Route[];
  #served = new Map<HttpRoute, ServedRoute>();
  #leaving = new Set<ServedRoute>();
  #table = new RouteTable([]);

  /** `own`: the routes of Golek itself, which no plugin may take. */
  constructor(own: readonly Route[], limits: PluginRouteLimits, log: Log) {
    this.#own = own;
    this.limits = limits;
    this.log = log;
  }

  get table(): RouteTable {
    return this.#table;
  }

  /** Throws `plugin_invalid` for a path that cannot be served or that is taken. */
  check(items: readonly HttpRoute[]): void {
    const taken = new Set(this.#own.map(shapeOf));
    const added = new Set<string>();
    for (const route of items) {
      const { method, path } = route;
      if (!METHODS.has(method)) {
        throw new GolekError('plugin_invalid', `a route cannot have the method '${method.slice(0, 40)}'`);
      }
      if (!PATH.test(path) || path.length > 512) {
        throw new GolekError(
          'plugin_invalid',
          `the route '${path.slice(0, 120)}' cannot be served: a path is made of names, ':name', and '*' at its end`,
        );
      }
      const shape = shapeOf(route);
      if (taken.has(shape)) {
        throw new GolekError('plugin_invalid', `the route ${method} ${path} is Golek's own; choose another path`);
      }
      if (added.has(shape)) {
        throw new GolekError('plugin_invalid', `two plugins bring the route ${method} ${path}; one of them must go`);
      }
      added.add(shape);
    }
  }

  /** @returns a promise that resolves when no request is in a route that is gone. */
  async apply(items: readonly HttpRoute[]): Promise<void> {
    const served = new Map(items.map((route) => [route, this.#served.get(route) ?? new ServedRoute(route, this)]));
    const gone = [...this.#served].filter(([route]) => !served.has(route)).map(([, route]) => route);
    this.#table = new RouteTable([...served.values()]);
    this.#served = served;
    await Promise.all(
      gone.map(async (route) => {
        this.#leaving.add(route);
        await route.idle();
        this.#leaving.delete(route);
      }),
    );
  }

  /** Refuses new requests and waits for those in progress; after `graceMs` it ends the rest. @returns true when all ended by themselves. */
  async drain(graceMs: number): Promise<boolean> {
    this.draining = true;
    const routes = [...this.#served.values(), ...this.#leaving];
    const idle = Promise.all(routes.map((route) => route.idle())).then(() => true);
    const late = Promise.withResolvers<false>();
    const timer = setTimeout(() => late.resolve(false), graceMs);
    const ended = await Promise.race([idle, late.promise]);
    clearTimeout(timer);
    if (ended) return true;
    const reason = new GolekError(
      'shutting_down',
      `the runtime stopped; the request did not end within the grace time of ${graceMs} ms`,
    );
    for (const { open } of routes) for (const exchange of open) exchange.abort(reason);
    return false;
  }
}

/** Method and path with the names of parameters left out: what the router tells apart. */
const shapeOf = ({ method, path }: Pick<Route, 'method' | 'path'>): string =>
  `${method} ${path.replaceAll(/:\w+/g, ':').replace(/(?<=.)\/$/, '')}`;
