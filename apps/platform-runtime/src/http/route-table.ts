import findMyWay from 'find-my-way';
import type { Route, RouteMethod } from './route.ts';

export interface FoundRoute {
  readonly route: Route;
  readonly parameters: Readonly<Record<string, string>>;
}

const METHODS: readonly RouteMethod[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Longest part of a path that one `:name` takes, characters. */
const LONGEST_PARAMETER = 1024;

const isRouteMethod = (method: string): method is RouteMethod => METHODS.some((known) => known === method);

const unreachable = (): never => {
  throw new TypeError('routes are found, not called');
};

/** A fixed set of routes. Static parts win over `:name`, which wins over `*`; a slash at the end does not matter. */
export class RouteTable {
  readonly routes: readonly Route[];
  readonly #router = findMyWay({
    ignoreTrailingSlash: true,
    maxParamLength: LONGEST_PARAMETER,
    querystringParser: () => undefined,
  });

  /** Throws when two routes have the same method and path. */
  constructor(routes: readonly Route[]) {
    this.routes = routes;
    for (const route of routes) this.#router.on(route.method, route.path, unreachable, route);
  }

  /** HEAD is answered by the route for GET. Undefined also for a path that is no valid URL. */
  find(method: string, url: string): FoundRoute | undefined {
    const asked = method === 'HEAD' ? 'GET' : method;
    if (!isRouteMethod(asked)) return undefined;
    const found = this.#router.find(asked, url);
    return found ? { route: found.store as Route, parameters: found.params as Record<string, string> } : undefined;
  }

  /** The methods that the path takes. */
  methodsOf(url: string): readonly string[] {
    const methods = METHODS.filter((method) => this.find(method, url));
    return methods.includes('GET') ? [...methods, 'HEAD'] : methods;
  }
}
