import type { IncomingHttpHeaders } from 'node:http';
import type { Behaviour } from './behaviour.ts';

/** A request that reached the upstream, and what became of it. */
export interface UpstreamCall {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The client's port: one for each connection. */
  readonly port: number;
  /** The parsed body; undefined where it is no JSON. */
  readonly body: unknown;
  readonly behaviour: Behaviour;
  /** `performance.now()` at the arrival of the whole request. */
  readonly at: number;
  readonly state: 'open' | 'answered' | 'failed' | 'abandoned';
  /** `performance.now()` when it left the state `open`. */
  readonly endedAt: number | undefined;
  /** Bytes of the answer's body that were given to the socket. */
  readonly bytes: number;
}

/** A call while it is being answered. `abandoned`: the client closed the connection first. */
export type LiveCall = { -readonly [Key in keyof UpstreamCall]: UpstreamCall[Key] };
