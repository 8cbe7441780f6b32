import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

interface WireValue {
  readonly stringValue?: string;
  readonly intValue?: number;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
}

interface WireSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: number; readonly message?: string };
  readonly attributes: readonly { readonly key: string; readonly value: WireValue }[];
  readonly events?: readonly { readonly name: string }[];
}

interface TraceRequest {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  }[];
}

/** A span as a collector has it. */
export interface CollectedSpan extends Omit<WireSpan, 'attributes'> {
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** An OpenTelemetry collector: takes OTLP as JSON over HTTP and keeps the spans. */
export class OtlpCollector implements AsyncDisposable {
  readonly spans: CollectedSpan[] = [];
  metricBatches = 0;
  readonly #server = createServer((request, response) => void this.#receive(request, response));

  static async start(): Promise<OtlpCollector> {
    const collector = new OtlpCollector();
    collector.#server.listen(0, '127.0.0.1');
    await once(collector.#server, 'listening');
    return collector;
  }

  /** Settings of a server that sends everything here, soon. */
  get environment(): Readonly<Record<string, string>> {
    const { port } = this.#server.address() as AddressInfo;
    return {
      GOLEK_TELEMETRY_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      GOLEK_TELEMETRY_OTLP_PROTOCOL: 'http/json',
      GOLEK_TELEMETRY_OTLP_DELAY_MS: '50',
      GOLEK_TELEMETRY_METRICS_INTERVAL_MS: '500',
    };
  }

  trace(traceId: string): CollectedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId);
  }

  /** The spans of a trace, once one of each name is there. */
  async waitFor(traceId: string, names: readonly string[]): Promise<CollectedSpan[]> {
    for (let attempt = 0; attempt < 600; attempt += 1) {
      const spans = this.trace(traceId);
      if (names.every((name) => spans.some((span) => span.name === name))) return spans;
      await sleep(50);
    }
    const got = this.trace(traceId).map(({ name }) => name);
    throw new Error(`of ${names.join(', ')} only ${got.join(', ')} came within 30 s`);
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as unknown;
    if (request.url === '/v1/traces') this.#take(body as TraceRequest);
    else this.metricBatches += 1;
    response.setHeader('content-type', 'application/json');
    response.end('{}');
  }

  #take({ resourceSpans }: TraceRequest): void {
    for (const { scopeSpans } of resourceSpans) {
      for (const { spans } of scopeSpans) {
        for (const span of spans) {
          const attributes = span.attributes.map(({ key, value }) => [key, Object.values(value)[0]] as const);
          this.spans.push({ ...span, attributes: Object.fromEntries(attributes) });
        }
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
