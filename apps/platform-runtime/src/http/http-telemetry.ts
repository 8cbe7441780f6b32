import type { TraceContext } from '@golek/plugins-api';
import type { Exchange } from './exchange.ts';
import type { Route } from './route.ts';

/** Watches requests. */
export interface HttpTelemetry {
  /** Called once it is known which route a request has, undefined for none. @returns the trace that its work belongs under, where one begins. */
  begin(exchange: Exchange, route: Route | undefined): TraceContext | undefined;
}
