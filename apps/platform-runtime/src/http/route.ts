import type { z } from 'zod';
import type { Exchange } from './exchange.ts';
import type { ErrorForm } from './wire-form.ts';

/** Who may use a route: anyone, whoever may run models, whoever may administer the runtime. */
export type RouteScope = 'public' | 'inference' | 'admin';

export type RouteMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What the OpenAPI document says of a route. Schemas with an id (`.meta({ id })`) become components, others stand in place. */
export interface RouteOperation {
  /** One sentence. */
  readonly summary: string;
  readonly tag: 'inference' | 'models' | 'tokens' | 'files' | 'operation' | 'administration';
  readonly request?: z.ZodType;
  /** Media type of the request; default `application/json`. */
  readonly requestType?: string;
  /** Absent: a JSON object that is not described further. */
  readonly response?: z.ZodType;
  /** Of a successful answer; default 200. */
  readonly status?: number;
  /** Media type of the answer; default `application/json`. */
  readonly mediaType?: string;
  /** Content of each event, for an answer that can be streamed. */
  readonly chunk?: z.ZodType;
  /** Media type of a streamed answer; default `text/event-stream`. */
  readonly chunkType?: string;
  /** What the variable parts of the path are, by name; `*` is the rest. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Query parameters, name → what it does. */
  readonly query?: Readonly<Record<string, string>>;
  /** Answers beside success and error objects, by status. */
  readonly others?: Readonly<Record<string, { readonly description: string; readonly schema: z.ZodType }>>;
}

/** A method and path of the server and what answers it. */
export interface Route {
  readonly method: RouteMethod;
  /** `:name` takes one segment, `*` at the end takes the rest: see `Exchange.parameters`. */
  readonly path: string;
  readonly scope: RouteScope;
  /** How its protocol tells failures; default: as OpenAI's. */
  readonly errors?: ErrorForm;
  /** For the OpenAPI document; a test demands it of every route of the platform. */
  readonly operation?: RouteOperation;
  /** True: `handle` reads the body itself, piece by piece, and bounds it. */
  readonly readsBody?: boolean;
  /** Runs when the caller has the scope and the body is read: `Exchange.principal`, `Exchange.body`. Throws GolekError. */
  readonly handle: (exchange: Exchange) => void | Promise<void>;
}
