import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { STATUS_CODES } from 'node:http';
import { GolekError } from '@golek/api';
import { errorBody } from '@golek/protocols/openai';

/** So long the rest of a refused request is read and dropped, that the client may read the answer, milliseconds. */
const LINGER_MS = 1000;

const golekError = (code: string | undefined): GolekError => {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new GolekError('request_timeout', 'the request was not received in time');
    case 'HPE_HEADER_OVERFLOW':
      return new GolekError(
        'request_too_large',
        'the headers of the request are too large; send fewer or shorter ones',
      );
    default:
      return new GolekError(
        'invalid_request',
        `this is not a valid HTTP request${code === undefined ? '' : ` (${code})`}`,
      );
  }
};

/**
 * Answers what Node cannot read as HTTP, on the bare socket. `response` is the answer in progress on the connection, if any: nothing can be put
 * into the middle of it.
 */
export const answerClientError = (
  error: NodeJS.ErrnoException,
  socket: Socket,
  response: ServerResponse | undefined,
): void => {
  const answering = response?.headersSent === true && !response.writableFinished;
  if (error.code === 'ECONNRESET' || !socket.writable || answering) {
    socket.destroy();
    return;
  }
  const failure = golekError(error.code);
  const body = JSON.stringify(errorBody(failure));
  socket.end(
    [
      `HTTP/1.1 ${failure.status} ${STATUS_CODES[failure.status] ?? 'Error'}`,
      'connection: close',
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      'x-content-type-options: nosniff',
      '',
      body,
    ].join('\r\n'),
  );
  socket.setTimeout(LINGER_MS, () => socket.destroy());
  socket.resume();
};
