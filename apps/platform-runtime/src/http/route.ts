import type { Exchange } from './exchange.ts';

/** A method and path of the server and what answers it. A path that ends in `/*` takes the rest as the exchange's `parameter`. */
export interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly handle: (exchange: Exchange) => void | Promise<void>;
}
