import type { OutgoingHttpHeaders } from 'node:http';
import { GolekError } from '@golek/api';
import { abortable } from '@golek/kernel';
import type { HttpRoute, Log, RouteResponse } from '@golek/plugins-api';
import { drained } from './drained.ts';
import type { Exchange } from './exchange.ts';

/** Headers go out before the first piece of a stream when it lets wait for longer, milliseconds. */
const FIRST_PIECE_MS = 1_000;

/** Belongs to the connection, which is the server's. */
const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'x-request-id',
]);

const NO_BODY = new Uint8Array();

type Body = NonNullable<RouteResponse['body']>;
type Pieces = AsyncIterator<string | Uint8Array>;

/** Runs a plugin's handler and sends what it answers. Throws GolekError for a failure before the first byte; a later one cuts the connection. */
export const answerPluginRoute = async (
  route: HttpRoute,
  exchange: Exchange,
  { writeTimeoutMs }: { readonly writeTimeoutMs: number },
  log: Log,
): Promise<void> => {
  const { id, request, path, query, parameters, body, principal, signal, response } = exchange;
  const what = `${route.method} ${route.path}`;
  try {
    const answer = await abortable(
      Promise.resolve(
        route.handle({
          id,
          method: request.method ?? route.method,
          path,
          query,
          params: parameters,
          headers: request.headers,
          body: body ?? NO_BODY,
          principal,
          signal,
        }),
      ),
      signal,
    );
    await send(exchange, answer, writeTimeoutMs);
  } catch (thrown) {
    if (signal.aborted && !(signal.reason instanceof GolekError && signal.reason.code === 'shutting_down')) {
      response.destroy();
      throw GolekError.from(signal.reason);
    }
    const error = failureOf(what, thrown);
    if (!(thrown instanceof GolekError))
      log.error({ err: thrown, route: what, request: id, trace: exchange.trace?.traceId }, "a plugin's route failed");
    if (!response.headersSent) throw error;
    // The status has gone: a broken answer must not look like a whole one.
    response.destroy();
    exchange.abort(error);
  }
};

const failureOf = (what: string, thrown: unknown): GolekError =>
  thrown instanceof GolekError
    ? thrown
    : new GolekError('plugin_failed', `the plugin behind ${what} failed; the server's log has the cause`, {
        cause: thrown,
      });

const send = async (exchange: Exchange, answer: RouteResponse, writeTimeoutMs: number): Promise<void> => {
  const { response, request } = exchange;
  const { status = 200, headers = {}, body = '' } = answer;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new TypeError(`a route answered with the status ${String(status)}; it is a number from 200 to 599`);
  }
  const head: OutgoingHttpHeaders = { ...exchange.headers(typeOf(body)) };
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (!CONNECTION_HEADERS.has(lower)) head[lower] = value;
  }
  // What the server said of web pages stays.
  const varies = response.getHeader('vary');
  if (typeof varies === 'string' && typeof head['vary'] === 'string') head['vary'] = `${varies}, ${head['vary']}`;
  if (typeof body === 'string' || body instanceof Uint8Array) {
    head['content-length'] = Buffer.byteLength(body);
    response.writeHead(status, head);
    response.end(body);
    return;
  }
  const pieces = body[Symbol.asyncIterator]();
  if (request.method === 'HEAD') {
    close(pieces);
    response.writeHead(status, head);
    response.end();
    return;
  }
  await sendPieces(exchange, pieces, () => response.writeHead(status, head).flushHeaders(), writeTimeoutMs);
};

const typeOf = (body: Body): string =>
  typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/octet-stream';

/** Not waited for: the source may be in the middle of a step that only the signal ends. */
const close = (pieces: Pieces): void => {
  void Promise.resolve(pieces.return?.()).catch(() => undefined);
};

const sendPieces = async (
  exchange: Exchange,
  pieces: Pieces,
  start: () => void,
  writeTimeoutMs: number,
): Promise<void> => {
  const { response, signal } = exchange;
  // A connection that breaks also closes, which aborts the signal; without a listener the error would end the process.
  response.on('error', () => undefined);
  let complete = false;
  const begin = (): void => {
    if (!response.headersSent) start();
  };
  const late = setTimeout(begin, FIRST_PIECE_MS);
  try {
    for (;;) {
      const next = await abortable(pieces.next(), signal);
      begin();
      if (next.done) break;
      if (!response.write(next.value)) await drained(exchange, writeTimeoutMs);
    }
    complete = true;
    response.end();
  } finally {
    clearTimeout(late);
    if (!complete) close(pieces);
  }
};
