import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { ATTR, BOUNDS, METRIC, type Histogram, type MetricFamily, type MetricRegistry } from '@golek/kernel';
import { status } from '@grpc/grpc-js';
import { errorTypeOf } from './call-outcome.ts';

/** Published by Node for each stream of any HTTP/2 server of the process, from 24.2 on. */
const CREATED = 'http2.server.stream.created';

interface CreatedStream {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
}

/** Stands for the methods that nobody serves: their names are what a client invents. */
const UNKNOWN_METHOD = '_OTHER';

/**
 * Duration and status of every call. They are read from its HTTP/2 stream, because the library shows interceptors neither the calls of unknown methods nor the
 * status of those whose message cannot be read.
 */
export class CallMetrics {
  readonly #durations: MetricFamily<Histogram>;

  constructor(registry: MetricRegistry) {
    this.#durations = registry.histogram({
      name: METRIC.rpcDuration,
      description:
        'gRPC calls from their first byte to the end of the answer, by method; a stream lasts as long as it is open.',
      unit: 's',
      labels: [ATTR.rpcSystem, ATTR.rpcMethod, ATTR.rpcStatus, ATTR.errorType],
      bounds: BOUNDS.http,
    });
  }

  /** Records the calls to the port until it is disposed of. `paths`: those that are served. */
  watch(port: number, paths: Iterable<string>): Disposable {
    const served = new Set(paths);
    const created = (message: unknown): void => {
      const { stream, headers } = message as CreatedStream;
      if (stream.session?.socket.localPort !== port) return;
      const receivedAt = performance.now();
      const path = String(headers[constants.HTTP2_HEADER_PATH]);
      const method = served.has(path) ? path.slice(1) : UNKNOWN_METHOD;
      stream.once('close', () => {
        const name = statusOf(stream);
        const series = this.#durations.with('grpc', method, name, errorTypeOf(name) ?? '');
        series.record((performance.now() - receivedAt) / 1000);
      });
    };
    subscribe(CREATED, created);
    return { [Symbol.dispose]: () => void unsubscribe(CREATED, created) };
  }
}

/** What a stream has sent so far; Node's types leave out that it may be nothing. */
interface SentBy {
  readonly sentHeaders: OutgoingHttpHeaders | undefined;
  readonly sentTrailers?: OutgoingHttpHeaders | undefined;
}

/** Name of the status that was sent: in the trailers, or in the headers of an answer that has nothing else. */
const statusOf = ({ sentHeaders, sentTrailers }: SentBy): string => {
  const sent = sentTrailers?.['grpc-status'] ?? sentHeaders?.['grpc-status'];
  if (sent !== undefined) return status[Number(sent)] ?? 'UNKNOWN';
  // What was no gRPC at all is refused with a status of HTTP, which clients take for UNKNOWN.
  const http = Number(sentHeaders?.[constants.HTTP2_HEADER_STATUS] ?? constants.HTTP_STATUS_OK);
  return http === constants.HTTP_STATUS_OK ? 'CANCELLED' : 'UNKNOWN';
};
