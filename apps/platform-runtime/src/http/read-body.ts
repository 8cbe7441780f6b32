import type { IncomingMessage } from 'node:http';
import { GolekError } from '@golek/api';

/** Told the body, undefined when the request has none, or why it cannot be had. */
export type BodyReader = (error: GolekError | undefined, body: Buffer | undefined) => void;

const tooLarge = (limit: number): GolekError =>
  new GolekError('request_too_large', `the body is larger than ${limit} bytes`, { details: { limit } });

const cut = (): GolekError =>
  new GolekError('cancelled', 'the client closed the connection before its request was complete');

/** Reads a whole body of at most `limit` bytes. Calls back once, at once when there is no body: a promise would cost each request a turn. */
export const readBody = (request: IncomingMessage, limit: number, done: BodyReader): void => {
  const { 'content-length': announced, 'transfer-encoding': encoding } = request.headers;
  const length = announced === undefined ? 0 : Number(announced);
  if (encoding === undefined && length === 0) return done(undefined, undefined);
  if (length > limit) return done(tooLarge(limit), undefined);

  let first: Buffer | undefined;
  let parts: Buffer[] | undefined;
  let size = 0;
  // Listeners stay on the request, which goes with them: to take them off costs more.
  let finished = false;
  const finish = (error: GolekError | undefined): void => {
    if (finished) return;
    finished = true;
    done(error, error ? undefined : parts ? Buffer.concat(parts, size) : first);
  };
  // A connection that breaks emits `close`; Node leaves `error` out where nobody listens to it.
  request
    .on('data', (part: Buffer) => {
      if (finished) return;
      size += part.length;
      if (size > limit) finish(tooLarge(limit));
      else if (!first) first = part;
      else (parts ??= [first]).push(part);
    })
    .on('end', () => finish(undefined))
    .on('close', () => {
      // An error with its stack is made only when there is one.
      if (!finished) finish(cut());
    });
};
