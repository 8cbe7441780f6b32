import type { GolekError } from '@golek/api';
import { ATTR, GOLEK_ATTR, spanError, type MetricRegistry, type SpanOptions, type Tracing } from '@golek/kernel';
import type { TraceContext } from '@golek/plugins-api';

const MAX_HEADER = 256;

/** A request on a socket, as telemetry sees it. */
export interface BegunRequest {
  readonly id: string;
  readonly task: string;
  readonly traceparent: string | undefined;
  readonly receivedAt: number;
  readonly remoteAddress: string | undefined;
  readonly userAgent: string | undefined;
}

/** Open sockets, and the root span of every recorded request: what an HTTP request has for itself. */
export class SocketTelemetry {
  readonly #tracing: Tracing;
  readonly #open;

  constructor(tracing: Tracing, registry: MetricRegistry) {
    this.#tracing = tracing;
    this.#open = registry
      .gauge({ name: 'golek.websocket.sockets', description: 'Open WebSockets.', unit: '{socket}' })
      .with();
  }

  opened(): void {
    this.#open.add(1);
  }

  closed(): void {
    this.#open.add(-1);
  }

  /** @returns what the work of the request belongs under, and what ends its span. */
  begin(request: BegunRequest): { readonly trace: TraceContext; readonly end: (error?: GolekError) => void } {
    const { trace, span } = this.#tracing.begin(request.traceparent, () => spanOf(request));
    return { trace, end: (error) => span?.end(error && spanError(error)) };
  }
}

const spanOf = ({ id, task, receivedAt, remoteAddress, userAgent }: BegunRequest): SpanOptions => ({
  name: `websocket ${task}`,
  kind: 'server',
  startedAt: receivedAt,
  attributes: {
    [GOLEK_ATTR.requestId]: id,
    [GOLEK_ATTR.protocol]: 'websocket',
    ...(remoteAddress !== undefined && { [ATTR.clientAddress]: remoteAddress }),
    ...(userAgent !== undefined && { [ATTR.userAgent]: userAgent.slice(0, MAX_HEADER) }),
  },
});
