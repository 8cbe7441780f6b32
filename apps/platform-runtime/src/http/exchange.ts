import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { GolekError, type Principal } from '@golek/api';
import type { TraceContext } from '@golek/plugins-api';
import type { WireParams } from '@golek/protocols/openai';
import { NOBODY } from './principals.ts';
import { ROUTE_HEADER, routeOfError } from './route-header.ts';
import type { StreamKeeper } from './streams/stream-keeper.ts';
import { OPENAI_ERRORS, type ErrorForm } from './wire-form.ts';

const NO_PARAMETERS: Readonly<Record<string, string>> = Object.freeze({});

/** A request and its answer. */
export class Exchange {
  readonly id: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** When the request was received, milliseconds of `performance.now()`. */
  readonly receivedAt = performance.now();
  /** Whole body; undefined when there is none, and for GET. */
  body: Buffer | undefined;
  /** What stands in the path for a route's `:name` and `*`, decoded. */
  parameters: Readonly<Record<string, string>> = NO_PARAMETERS;
  /** Who asks; nobody on a public route. */
  principal: Principal = NOBODY;
  /** What the work for this request belongs under, where somebody watches. */
  trace: TraceContext | undefined;
  /** Names of the request's parameters, for errors. */
  params: WireParams = {};
  /** How failures are told. */
  errors: ErrorForm = OPENAI_ERRORS;
  /** Text of `x-golek-route`, once it is known. */
  routeTaken: string | undefined;
  /** Where the caller wants to be able to go on with its stream: what keeps it. */
  keeper: StreamKeeper | undefined;
  #controller: AbortController | undefined;
  #query: URLSearchParams | undefined;
  #deadline: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #outlives = false;

  constructor(id: string, request: IncomingMessage, response: ServerResponse) {
    this.id = id;
    this.request = request;
    this.response = response;
  }

  /** Path without the query, as it was sent. */
  get path(): string {
    const { url = '' } = this.request;
    const end = url.indexOf('?');
    return end < 0 ? url : url.slice(0, end);
  }

  get query(): URLSearchParams {
    return (this.#query ??= new URLSearchParams((this.request.url ?? '').slice(this.path.length)));
  }

  /** Aborted with `cancelled` when the client leaves before its answer is complete, or with the reason given to `abort`. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** That of the signal, for whoever may end the work on the request. */
  get controller(): AbortController {
    if (!this.#controller) {
      const controller = (this.#controller = new AbortController());
      this.response.on('close', () => {
        if (this.response.writableFinished || this.#outlives) return;
        controller.abort(
          new GolekError('cancelled', 'the client closed the connection before its answer was complete'),
        );
      });
    }
    return this.#controller;
  }

  abort(reason: GolekError): void {
    this.#controller?.abort(reason);
  }

  /** Ends the work on the request with `deadline_exceeded` so many milliseconds after it was received; the first call counts. @returns the deadline in `performance.now()`. */
  limitTime(ms: number): number {
    if (this.#deadline !== undefined) return this.#deadline;
    const { signal } = this;
    const deadline = (this.#deadline = this.receivedAt + ms);
    const end = (): void => {
      if (signal.aborted) return;
      this.abort(new GolekError('deadline_exceeded', `the request was not answered within its ${ms} ms`));
    };
    this.#timer = setTimeout(end, Math.max(0, deadline - performance.now()));
    this.response.once('close', () => {
      if (!this.#outlives) this.release();
    });
    return deadline;
  }

  /** The work on the request goes on when the client leaves, until `release`; its body is not needed any longer. */
  outlive(): void {
    this.#outlives = true;
    this.body = undefined;
  }

  /** The work on the request has ended. */
  release(): void {
    clearTimeout(this.#timer);
  }

  headers(contentType: string): OutgoingHttpHeaders {
    const headers: OutgoingHttpHeaders = {
      'content-type': contentType,
      'x-request-id': this.id,
      'x-content-type-options': 'nosniff',
    };
    const { requestIdHeader } = this.errors;
    if (requestIdHeader !== undefined) headers[requestIdHeader] = this.id;
    if (this.routeTaken !== undefined) headers[ROUTE_HEADER] = this.routeTaken;
    return headers;
  }

  send(status: number, contentType: string, body: string | Uint8Array, extra?: OutgoingHttpHeaders): void {
    const { response } = this;
    if (response.headersSent || response.destroyed) return;
    const headers = this.headers(contentType);
    headers['content-length'] = Buffer.byteLength(body);
    response.writeHead(status, extra ? Object.assign(headers, extra) : headers);
    response.end(body);
  }

  sendText(status: number, text: string, extra?: OutgoingHttpHeaders): void {
    this.send(status, 'application/json; charset=utf-8', text, extra);
  }

  sendJson(status: number, value: unknown): void {
    this.sendText(status, JSON.stringify(value));
  }

  sendError(error: GolekError, extra: OutgoingHttpHeaders = {}): void {
    const { errors, params, id } = this;
    const headers: OutgoingHttpHeaders = { ...extra };
    if (error.retryAfter !== undefined) headers['retry-after'] = String(Math.ceil(error.retryAfter));
    if (error.status === 401) headers['www-authenticate'] = 'Bearer realm="golek"';
    // OpenAI's clients repeat every 5xx unless they are told not to.
    if (error.status >= 500 && !error.retryable) headers['x-should-retry'] = 'false';
    this.routeTaken ??= routeOfError(error);
    const status = errors.status?.(error) ?? error.status;
    this.sendText(status, JSON.stringify(errors.body(error, params, id)), headers);
    // What is left of a refused body is read and dropped, so that the client reads the answer before the connection ends.
    this.request.resume();
  }
}
