import type { Exchange } from './exchange.ts';

/** Who may use a route: anyone, whoever may run models, whoever may administer the runtime. */
export type RouteScope = 'public' | 'inference' | 'admin';

/** A method and path of the server and what answers it. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `:name` takes one segment, `*` at the end takes the rest: see `Exchange.parameters`. */
  readonly path: string;
  readonly scope: RouteScope;
  readonly handle: (exchange: Exchange) => void | Promise<void>;
}
