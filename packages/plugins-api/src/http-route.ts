import type { Principal } from '@golek/api';

/** A request to a plugin's route. */
export interface RouteRequest {
  readonly id: string;
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Values of the path's `:names`, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Whole body; empty when there is none. */
  readonly body: Uint8Array;
  readonly principal: Principal;
  /** Aborted when the client leaves or the server stops. */
  readonly signal: AbortSignal;
}

/** The answer of a plugin's route. A stream is read with back-pressure and closed when the client leaves. */
export interface RouteResponse {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | AsyncIterable<string | Uint8Array>;
}

export interface HttpRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** E.g. `/hello/:name`; `*` at the end takes the rest. Routes of Golek itself go first. */
  readonly path: string;
  /** What the caller must be allowed to do; default `inference`. `public` asks nobody who they are. */
  readonly scope?: 'public' | 'inference' | 'admin';
  /** Failures thrown as GolekError keep their code; others become `plugin_failed`. */
  handle(request: RouteRequest): RouteResponse | Promise<RouteResponse>;
}
