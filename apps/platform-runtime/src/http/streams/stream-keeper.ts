import { createHash } from 'node:crypto';
import { GolekError, type InferenceEvent } from '@golek/api';
import type { Log } from '@golek/plugins-api';
import type { StreamEncoder } from '@golek/protocols/openai';
import type { EventStreamLimits } from '../event-stream.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../route.ts';
import type { StreamForm } from '../wire-form.ts';
import { eventPlace, type EventPlace } from './event-place.ts';
import { KeptStream, type ResumeLimits, type StreamEnd, type StreamHost } from './kept-stream.ts';
import type { StreamMetrics } from './stream-metrics.ts';

/** A caller that sends it with `true` can go on with a stream whose connection broke. */
export const RESUMABLE_HEADER = 'x-golek-resumable';

/** What a stream costs beside its events, bytes: rounded up, so that the bound on bytes also bounds their number. */
const OVERHEAD = 4096;

export interface StreamKeeperDeps {
  readonly limits: () => EventStreamLimits & ResumeLimits;
  readonly log: Log;
  readonly metrics?: StreamMetrics | undefined;
}

const keyOf = (tenant: string, id: string): string => `${tenant}\n${id}`;

const questionOf = ({ path, body }: Exchange): string =>
  createHash('sha256')
    .update(`${path}\n`)
    .update(body ?? '')
    .digest('base64');

const isWanted = (value: string | string[] | undefined): boolean => {
  if (value === 'true') return true;
  if (value === undefined || value === 'false') return false;
  const message = `the header ${RESUMABLE_HEADER} is '${String(value).slice(0, 80)}'; expected 'true' or 'false'`;
  throw new GolekError('invalid_request', message, { details: { path: RESUMABLE_HEADER } });
};

/** True for what may answer a question with a stream. */
const canStream = ({ method, operation }: Route): boolean =>
  method === 'POST' && (operation?.chunk !== undefined || operation?.mediaType === 'text/event-stream');

/** The streams that can be gone on with, of all tenants. */
export class StreamKeeper {
  readonly #deps: StreamKeeperDeps;
  readonly #streams = new Map<string, KeptStream>();
  readonly #host: StreamHost;
  #bytes = 0;
  /** A run waits until there is room. */
  #starved = false;
  #stopping: GolekError | undefined;

  constructor(deps: StreamKeeperDeps) {
    this.#deps = deps;
    this.#host = {
      limits: deps.limits,
      full: () => {
        const full = this.#bytes >= deps.limits().resumeTotalBytes;
        if (full) this.#starved = true;
        return full;
      },
      stopping: () => this.#stopping,
      counted: (bytes, stream) => this.#counted(bytes, stream),
      forgotten: (stream, end) => this.#forgotten(stream, end),
    };
    deps.metrics?.observe({ streams: () => this.#streams.size, bytes: () => this.#bytes });
  }

  /**
   * Answers a request that has the header: by its route, or with a stream that the request goes on with. A repeated request goes on with its stream by `Last-Event-ID`, or from the beginning where
   * its `x-request-id` is that of a stream which nobody was given whole. Throws `invalid_request`, `not_found`, `conflict` and `gone`.
   */
  handle(exchange: Exchange, route: Route): ReturnType<Route['handle']> {
    const { headers } = exchange.request;
    if (!isWanted(headers[RESUMABLE_HEADER]) || !canStream(route)) return route.handle(exchange);
    const place = eventPlace(headers['last-event-id']);
    const known = this.#streams.get(keyOf(exchange.principal.tenant, exchange.id));
    exchange.keeper = this;
    if (!place && (!known || known.delivered)) return route.handle(exchange);
    const { stream, event } = place ?? { stream: exchange.id, event: 0 };
    const found = this.#find(exchange, stream);
    if (found.question !== questionOf(exchange)) {
      throw new GolekError(
        'conflict',
        `the stream '${stream}' answers another request than this one; send the same body to the same path, or leave last-event-id out and send another x-request-id`,
        { details: { path: place ? 'last-event-id' : 'x-request-id' } },
      );
    }
    return this.#serve(exchange, found, event);
  }

  /** Streams a run so that it can be gone on with. Throws what made it fail before the first byte, and `unsupported` for a protocol whose events have no ids. */
  async answer(
    exchange: Exchange,
    events: AsyncIterable<InferenceEvent>,
    encoder: StreamEncoder,
    form: StreamForm,
  ): Promise<void> {
    if (!form.contentType.startsWith('text/event-stream')) {
      throw new GolekError(
        'unsupported',
        `the lines of this protocol's streams have no ids by which one could go on; leave ${RESUMABLE_HEADER} out`,
        { details: { path: RESUMABLE_HEADER } },
      );
    }
    exchange.signal.throwIfAborted();
    const stream = new KeptStream(exchange, questionOf(exchange), form, this.#host);
    const key = keyOf(stream.tenant, stream.id);
    const known = this.#streams.get(key);
    if (known && !known.delivered) {
      const message = `another stream with the id '${stream.id}' is in progress; send another x-request-id`;
      throw new GolekError('conflict', message, { details: { path: 'x-request-id' } });
    }
    known?.forget('complete');
    this.#streams.set(key, stream);
    this.#counted(OVERHEAD, stream);
    exchange.outlive();
    void stream.fill(events, encoder, exchange);
    await stream.serve(exchange, 0);
  }

  /** Goes on with the stream of this id, behind the event that `Last-Event-ID` names or from the beginning. Throws as `handle`. */
  resume(exchange: Exchange, id: string): Promise<void> {
    const place = eventPlace(exchange.request.headers['last-event-id']);
    if (place && place.stream !== id) {
      throw new GolekError(
        'invalid_request',
        `the event '${place.stream}:${place.event}' is not one of the stream '${id}'`,
        { details: { path: 'last-event-id' } },
      );
    }
    return this.#serve(exchange, this.#find(exchange, id), place?.event ?? 0);
  }

  /** Throws `not_found`. */
  check(exchange: Exchange, id: string): void {
    this.#find(exchange, id);
  }

  /** Ends a stream and lets go of it. Throws `not_found`. */
  end(exchange: Exchange, id: string): void {
    this.#find(exchange, id).end(new GolekError('cancelled', `the stream '${id}' was ended by its client`));
  }

  /** Ends what nobody reads, now and from now on: the server stops. Streams that are read go on. Idempotent. */
  stop(): void {
    this.#stopping ??= new GolekError('shutting_down', 'the server stops, and nobody reads this stream');
    for (const stream of this.#streams.values()) if (!stream.read) stream.end(this.#stopping);
  }

  #find(exchange: Exchange, id: string): KeptStream {
    const stream = this.#streams.get(keyOf(exchange.principal.tenant, id));
    if (stream) return stream;
    this.#deps.metrics?.asked('not_found');
    const { resumeWindowMs } = this.#deps.limits();
    throw new GolekError(
      'not_found',
      `no stream '${id.slice(0, 128)}' is kept: it is kept for ${resumeWindowMs} ms after its end or without its client, if ${RESUMABLE_HEADER} was sent, and not over a restart of the server; ask anew`,
    );
  }

  #serve(exchange: Exchange, stream: KeptStream, event: EventPlace['event']): Promise<void> {
    const { metrics, log } = this.#deps;
    try {
      const served = stream.serve(exchange, event);
      metrics?.asked('resumed');
      log.info({ request: exchange.id, stream: stream.id, after: event }, 'a stream was resumed');
      return served;
    } catch (thrown) {
      const { code } = GolekError.from(thrown);
      if (code === 'gone' || code === 'conflict') metrics?.asked(code);
      throw thrown;
    }
  }

  #counted(bytes: number, stream: KeptStream): void {
    this.#bytes += bytes;
    const limit = this.#deps.limits().resumeTotalBytes;
    if (bytes < 0) this.#makeRoom();
    if (this.#bytes <= limit) return;
    // The oldest complete ones first, then what clients have been given already.
    for (const old of this.#streams.values()) {
      if (this.#bytes <= limit) return;
      if (old.complete && !old.read && old !== stream) old.forget('complete');
    }
    for (const other of this.#streams.values()) {
      if (this.#bytes <= limit) return;
      other.trim();
    }
  }

  /** Lets runs that wait for room look again. */
  #makeRoom(): void {
    if (!this.#starved) return;
    this.#starved = false;
    for (const stream of this.#streams.values()) stream.wake();
  }

  #forgotten(stream: KeptStream, end: StreamEnd): void {
    const key = keyOf(stream.tenant, stream.id);
    if (this.#streams.get(key) === stream) this.#streams.delete(key);
    this.#bytes -= stream.bytes + OVERHEAD;
    if (end === 'away') {
      this.#deps.metrics?.asked('away');
      this.#deps.log.info({ request: stream.id }, 'a stream was ended: its client did not come back');
    }
    this.#makeRoom();
  }
}
