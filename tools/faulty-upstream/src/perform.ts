import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { Behaviour, Moment } from './behaviour.ts';
import type { LiveCall } from './upstream-call.ts';
import type { AnswerParts, Asked, Wire } from './wire.ts';

/** One answer being written. */
export interface Performance {
  readonly asked: Asked;
  readonly response: ServerResponse;
  readonly call: LiveCall;
  /** Aborted when the client has left or the upstream closes. */
  readonly signal: AbortSignal;
  /** Names for the list of models. */
  readonly models: readonly string[];
}

const HUGE_LINE = 32 * 1024 * 1024;
const ONCE = 64 * 1024;

const write = async ({ response, call, signal }: Performance, piece: string | Uint8Array): Promise<void> => {
  signal.throwIfAborted();
  call.bytes += Buffer.byteLength(piece);
  if (!response.write(piece)) await once(response, 'drain', { signal });
};

/** Each piece in a turn of the event loop of its own, so that it is a packet of its own. */
const writeAll = async (
  performance: Performance,
  pieces: readonly (string | Uint8Array)[],
  delayMs = 0,
): Promise<void> => {
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await (delayMs > 0 ? sleep(delayMs, undefined, { signal: performance.signal }) : turn());
    await write(performance, piece);
  }
};

const begin = ({ response }: Performance, { contentType, status = 200 }: AnswerParts): void => {
  response.writeHead(status, { 'content-type': contentType });
  response.flushHeaders();
};

/** Rejects when the client leaves: the way out of a stall. */
const forever = ({ signal }: Performance): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });

const reset = async ({ response, call }: Performance): Promise<void> => {
  // What was written has to leave first, or the client would never see it.
  await turn();
  call.state = 'failed';
  response.socket?.resetAndDestroy();
};

const upTo = async (performance: Performance, answer: AnswerParts, at: Moment): Promise<void> => {
  if (at === 'before-headers') return;
  begin(performance, answer);
  if (at !== 'after-headers') await writeAll(performance, answer.pieces.slice(0, at));
};

/** A record in the middle of whose text something happens. */
const around = ({ record, chunk }: Wire): readonly [string, string] => {
  const [before = '', after = ''] = record(chunk('HERE')).split('HERE');
  return [before, after];
};

const malformed = (wire: Wire, what: 'json' | 'garbage' | 'not-an-answer'): string => {
  switch (what) {
    case 'json':
      return `${around(wire)[0]}bro\n\n`;
    case 'garbage':
      return '\u0000\u0001 this is no event\n<?xml version="1.0"?>\n\n';
    case 'not-an-answer':
      return wire.record('[1,2,3]');
  }
};

/** Bytes that differ in every way that the format of event streams allows, in packets of 7 bytes. */
const splitPieces = ({ pieces, contentType }: AnswerParts): readonly Uint8Array[] => {
  const text = contentType.startsWith('text/event-stream')
    ? pieces
        .map((piece, index) => {
          if (index % 3 === 0)
            return `: comment – é\r\nevent: message\r\nid: ${index}\r\n${piece.replaceAll(/\r?\n/g, '\r\n')}`;
          return index % 3 === 1 ? piece.replace('data: ', 'data:') : `retry: 100\n${piece}`;
        })
        .join('')
    : pieces.join('');
  const bytes = Buffer.from(text, 'utf8');
  return Array.from({ length: Math.ceil(bytes.length / 7) }, (_, index) => bytes.subarray(index * 7, index * 7 + 7));
};

const huge = async (performance: Performance, bytes: number): Promise<void> => {
  const [before, after] = around(performance.asked.wire);
  await write(performance, before);
  const filler = 'x'.repeat(ONCE);
  for (let sent = 0; sent < bytes; sent += ONCE) await write(performance, filler);
  await write(performance, after);
};

const endless = async (performance: Performance): Promise<void> => {
  const { record, chunk } = performance.asked.wire;
  for (let index = 0; ; index++) {
    await write(performance, record(chunk(`word${index} `.padEnd(512, '.'))));
    if (index % 16 === 0) await turn();
  }
};

const finish = ({ response, call }: Performance): void => {
  call.state = 'answered';
  response.end();
};

/** Answers as the behaviour says. Rejects when the client leaves. */
export const perform = async (behaviour: Behaviour, performance: Performance): Promise<void> => {
  const { asked, response, call, models } = performance;
  const { wire } = asked;
  const answer = wire.answerTo(asked, models, behaviour.kind === 'ok' ? behaviour : {});
  switch (behaviour.kind) {
    case 'ok':
      begin(performance, answer);
      await writeAll(performance, answer.pieces, behaviour.delayMs);
      return finish(performance);
    case 'drip':
      begin(performance, answer);
      await writeAll(
        performance,
        Array.from(Buffer.from(answer.pieces.join('')), (byte) => Uint8Array.of(byte)),
      );
      return finish(performance);
    case 'split':
      begin(performance, answer);
      await writeAll(performance, splitPieces(answer));
      return finish(performance);
    case 'reset':
      await upTo(performance, answer, behaviour.at);
      return reset(performance);
    case 'stall':
      await upTo(performance, answer, behaviour.at);
      return forever(performance);
    case 'cut':
      await upTo(performance, answer, behaviour.after);
      await turn();
      call.state = 'failed';
      if (behaviour.how === 'end') response.end();
      else response.socket?.end();
      return;
    case 'no-finish':
      begin(performance, answer);
      await writeAll(performance, [
        ...answer.pieces.slice(0, answer.beforeFinish),
        ...answer.pieces.slice(answer.beforeEnd),
      ]);
      return finish(performance);
    case 'no-done':
      await upTo(performance, answer, answer.beforeEnd);
      return reset(performance);
    case 'status': {
      const {
        status,
        retryAfter,
        code = null,
        type = 'server_error',
        message = `status ${status}`,
        headers,
      } = behaviour;
      call.state = 'failed';
      response.writeHead(status, {
        'content-type': 'application/json',
        ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
        ...headers,
      });
      response.end(wire.errorBody(message, type, code, { status, retryAfter }));
      return;
    }
    case 'empty':
      call.state = 'failed';
      response.writeHead(200, { 'content-type': answer.contentType });
      response.end();
      return;
    case 'error-in-200':
      call.state = 'failed';
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(wire.errorBody('the engine is on fire', 'server_error', behaviour.code ?? 'engine_error'));
      return;
    case 'html':
      call.state = 'failed';
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<!doctype html><title>Welcome</title><p>Please log in.</p>');
      return;
    case 'error-in-stream':
      await upTo(performance, answer, behaviour.after);
      await turn();
      await write(
        performance,
        wire.record(wire.errorBody('the engine is on fire', 'server_error', behaviour.code ?? null)),
      );
      call.state = 'failed';
      response.end();
      return;
    case 'malformed':
      await upTo(performance, answer, behaviour.after);
      await turn();
      if (behaviour.what === 'huge-line') await huge(performance, behaviour.bytes ?? HUGE_LINE);
      else await write(performance, malformed(wire, behaviour.what));
      await writeAll(performance, answer.pieces.slice(behaviour.after));
      call.state = 'failed';
      response.end();
      return;
    case 'endless':
      begin(performance, { ...answer, contentType: wire.streamType });
      return endless(performance);
    case 'raw':
      response.writeHead(behaviour.status ?? 200, { 'content-type': 'text/event-stream', ...behaviour.headers });
      response.flushHeaders();
      await writeAll(performance, behaviour.body);
      return finish(performance);
  }
};
