import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that a collector got. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Takes OTLP over HTTP on a port of loopback; `answer` decides what its sender hears. */
export class TestCollector implements AsyncDisposable {
  readonly received: Received[] = [];
  readonly #server = createServer((request, response) => void this.#take(request, response));
  readonly #answer: (response: ServerResponse) => void;

  private constructor(answer: (response: ServerResponse) => void) {
    this.#answer = answer;
  }

  static async start(
    answer: (response: ServerResponse) => void = (response) => response.end('{}'),
  ): Promise<TestCollector> {
    const collector = new TestCollector(answer);
    collector.#server.listen(0, '127.0.0.1');
    await once(collector.#server, 'listening');
    return collector;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Bodies that came to a path, as JSON. */
  json(path: string): unknown[] {
    return this.received.filter((request) => request.path === path).map(({ body }) => JSON.parse(body.toString()));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.received.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) });
    response.setHeader('content-type', request.headers['content-type'] ?? 'application/json');
    this.#answer(response);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
