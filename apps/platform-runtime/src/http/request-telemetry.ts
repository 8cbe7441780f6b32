import {
  ATTR,
  BOUNDS,
  GOLEK_ATTR,
  METRIC,
  type Histogram,
  type MetricFamily,
  type MetricRegistry,
  type SpanOptions,
  type Tracing,
} from '@golek/kernel';
import type { TraceContext } from '@golek/plugins-api';
import type { Exchange } from './exchange.ts';
import type { HttpTelemetry } from './http-telemetry.ts';
import type { Route } from './route.ts';

/** Text of a client's header on a span is cut to this length. */
const MAX_HEADER = 256;

/** For nginx's status of a client that left before it had an answer. */
const CLIENT_LEFT = 499;

/** Series of one route: whole answers by status. */
interface RouteSeries {
  readonly method: string;
  readonly path: string;
  readonly durations: Map<number, Histogram>;
}

/** Duration and status of every request, and the root span of those that are recorded. */
export class RequestTelemetry implements HttpTelemetry {
  readonly #tracing: Tracing;
  readonly #durations: MetricFamily<Histogram>;
  readonly #active;
  /** Routes of a plugin go with it. */
  readonly #series = new WeakMap<Route, RouteSeries>();
  readonly #unknown: RouteSeries = { method: '', path: '', durations: new Map() };

  constructor(tracing: Tracing, registry: MetricRegistry) {
    this.#tracing = tracing;
    this.#durations = registry.histogram({
      name: METRIC.httpDuration,
      description:
        'HTTP requests from the header to the end of the answer, by route; a stream lasts as long as its answer.',
      unit: 's',
      labels: [ATTR.httpMethod, ATTR.httpRoute, ATTR.httpStatus, ATTR.errorType],
      bounds: BOUNDS.http,
    });
    this.#active = registry
      .gauge({ name: METRIC.httpActive, description: 'HTTP requests in progress.', unit: '{request}' })
      .with();
  }

  begin(exchange: Exchange, route: Route | undefined): TraceContext | undefined {
    const series = route ? this.#of(route) : this.#unknown;
    this.#active.add(1);
    // Probes and scrapes are no traces that anybody wants.
    const traced = route && route.scope !== 'public';
    const { trace, span } = traced
      ? this.#tracing.begin(parentOf(exchange), () => spanOf(exchange, route))
      : { trace: undefined, span: undefined };
    exchange.response.on('close', () => {
      const { statusCode, headersSent, writableFinished } = exchange.response;
      const status = headersSent ? statusCode : CLIENT_LEFT;
      this.#active.add(-1);
      const seconds = (performance.now() - exchange.receivedAt) / 1000;
      if (writableFinished) this.#whole(series, status).record(seconds);
      else this.#durations.with(series.method, series.path, String(status), 'cancelled').record(seconds);
      if (!span) return;
      span.set(ATTR.httpStatus, status);
      const type = writableFinished ? String(status) : 'cancelled';
      if (writableFinished && status < 500) return span.end();
      span.set(ATTR.errorType, type);
      const message = writableFinished ? `answered with ${status}` : 'the client left before its answer was complete';
      span.end({ type, message });
    });
    return trace;
  }

  #of(route: Route): RouteSeries {
    let series = this.#series.get(route);
    if (!series) this.#series.set(route, (series = { method: route.method, path: route.path, durations: new Map() }));
    return series;
  }

  #whole({ method, path, durations }: RouteSeries, status: number): Histogram {
    let duration = durations.get(status);
    if (!duration) durations.set(status, (duration = this.#durations.with(method, path, String(status), '')));
    return duration;
  }
}

const parentOf = ({ request: { headers } }: Exchange): string | undefined => {
  const { traceparent } = headers;
  return typeof traceparent === 'string' ? traceparent : undefined;
};

const spanOf = ({ request, receivedAt, id }: Exchange, route: Route): SpanOptions => {
  const { headers, socket, httpVersion } = request;
  const agent = headers['user-agent'];
  return {
    name: `${route.method} ${route.path}`,
    kind: 'server',
    startedAt: receivedAt,
    attributes: {
      [ATTR.httpMethod]: route.method,
      [ATTR.httpRoute]: route.path,
      [ATTR.urlScheme]: 'http',
      [ATTR.networkProtocolVersion]: httpVersion,
      [GOLEK_ATTR.requestId]: id,
      ...(socket.localAddress !== undefined && { [ATTR.serverAddress]: socket.localAddress }),
      ...(socket.localPort !== undefined && { [ATTR.serverPort]: socket.localPort }),
      ...(socket.remoteAddress !== undefined && { [ATTR.clientAddress]: socket.remoteAddress }),
      ...(agent !== undefined && { [ATTR.userAgent]: agent.slice(0, MAX_HEADER) }),
    },
  };
};
