import type { Exchange } from '../http/exchange.ts';
import { drained } from '../http/drained.ts';

/** Where the request was sent matters to nobody behind the router: hosts are checked before. */
const ADDRESS = 'http://localhost/mcp';

/** The request without its body, as web-standard code reads it. `signal`: aborted when the client is gone or shall be let go. */
export const webRequest = ({ request }: Exchange, signal: AbortSignal): Request => {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return new Request(ADDRESS, { method: request.method ?? 'GET', headers, signal });
};

/** Headers of an answer that are the server's own matter. */
const OWN_HEADERS: readonly string[] = [
  'content-type',
  'content-length',
  'connection',
  'keep-alive',
  'transfer-encoding',
];

const furtherHeaders = ({ headers }: Response): Record<string, string> =>
  Object.fromEntries([...headers].filter(([name]) => !OWN_HEADERS.includes(name)));

/** Writes what comes, at the client's pace. Ends early, without a failure, when `signal` is aborted. */
const pump = async (
  exchange: Exchange,
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  writeTimeoutMs: number,
): Promise<void> => {
  const { response } = exchange;
  const reader = body.getReader();
  const stop = (): void => void reader.cancel().catch(() => undefined);
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      if (response.destroyed) return;
      if (!response.write(part.value)) await drained(exchange, writeTimeoutMs);
    }
    response.end();
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
};

/** Answers an exchange with what web-standard code made; resolves when all is written or the client is gone. */
export const sendWebResponse = async (
  exchange: Exchange,
  answer: Response,
  signal: AbortSignal,
  writeTimeoutMs: number,
): Promise<void> => {
  const { response } = exchange;
  const type = answer.headers.get('content-type');
  const further = furtherHeaders(answer);
  if (response.destroyed || response.headersSent) {
    await answer.body?.cancel();
    return;
  }
  if (answer.body === null || type === null) {
    const { 'content-type': _none, ...headers } = exchange.headers('');
    response.writeHead(answer.status, { ...headers, ...further }).end();
    return;
  }
  if (!type.startsWith('text/event-stream')) {
    exchange.send(answer.status, type, await answer.text(), further);
    return;
  }
  // A connection that breaks also closes, which aborts the signal; without a listener the error would end the process.
  response.on('error', () => undefined);
  response.writeHead(answer.status, { ...exchange.headers(type), ...further });
  // A stream may have nothing to say for long; its client wants to know that it is open.
  response.flushHeaders();
  await pump(exchange, answer.body, signal, writeTimeoutMs);
};
