import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { GolekError } from '@golek/api';
import { errorBody, type WireParams } from '@golek/protocols/openai';

export interface ExchangeOptions {
  readonly id: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer | undefined;
  /** What stands in the path for a route's `:name` and `*`, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** A request and its answer. Writes to the raw response: Fastify only routes and reads. */
export class Exchange {
  readonly id: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer | undefined;
  readonly parameters: Readonly<Record<string, string>>;
  /** Names of the request's parameters, for errors. */
  params: WireParams = {};
  #controller: AbortController | undefined;

  constructor({ id, request, response, body, parameters }: ExchangeOptions) {
    this.id = id;
    this.request = request;
    this.response = response;
    this.body = body;
    this.parameters = parameters;
  }

  /** Aborted with `cancelled` when the client leaves before its answer is complete, or with the reason given to `abort`. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      const controller = (this.#controller = new AbortController());
      this.response.once('close', () => {
        if (this.response.writableFinished) return;
        controller.abort(
          new GolekError('cancelled', 'the client closed the connection before its answer was complete'),
        );
      });
    }
    return this.#controller.signal;
  }

  abort(reason: GolekError): void {
    this.#controller?.abort(reason);
  }

  headers(contentType: string): OutgoingHttpHeaders {
    return { 'content-type': contentType, 'x-request-id': this.id, 'x-content-type-options': 'nosniff' };
  }

  sendText(status: number, text: string, extra: OutgoingHttpHeaders = {}): void {
    const { response } = this;
    if (response.headersSent || response.destroyed) return;
    const headers = this.headers('application/json; charset=utf-8');
    headers['content-length'] = Buffer.byteLength(text);
    response.writeHead(status, Object.assign(headers, extra));
    response.end(text);
  }

  sendJson(status: number, value: unknown): void {
    this.sendText(status, JSON.stringify(value));
  }

  sendError(error: GolekError, extra: OutgoingHttpHeaders = {}): void {
    const headers: OutgoingHttpHeaders = { ...extra };
    if (error.retryAfter !== undefined) headers['retry-after'] = String(Math.ceil(error.retryAfter));
    // OpenAI's clients repeat every 5xx unless they are told not to.
    if (error.status >= 500 && !error.retryable) headers['x-should-retry'] = 'false';
    this.sendText(error.status, JSON.stringify(errorBody(error, this.params)), headers);
    // What is left of a refused body is read and dropped, so that the client reads the answer before the connection ends.
    this.request.resume();
  }
}
