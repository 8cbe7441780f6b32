import { once } from 'node:events';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { ModelInferResponse, ModelStreamInferResponse, type ModelInferRequest } from '@golek/protocols/kserve/wire';
import { answer, rightAnswers, tensor } from './grpc-answers.ts';
import type { GrpcBehaviour, GrpcMoment } from './grpc-behaviour.ts';

/** A call of ModelInfer or ModelStreamInfer, and what became of it. `abandoned`: the client ended it first. */
export interface GrpcCallRecord {
  readonly method: string;
  readonly model: string;
  readonly headers: IncomingHttpHeaders;
  readonly request: ModelInferRequest;
  state: 'open' | 'answered' | 'failed' | 'abandoned';
  /** Messages of the answer that were given to the connection. */
  messages: number;
}

/** One answer being written. */
interface Performance {
  readonly stream: ServerHttp2Stream;
  readonly call: GrpcCallRecord;
  readonly request: ModelInferRequest;
  /** Several answers to one request. */
  readonly streamed: boolean;
  readonly left: AbortSignal;
}

/** A message with its length. */
export const frame = (bytes: Uint8Array): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
};

const messageOf = (response: ModelInferResponse, streamed: boolean, errorMessage = ''): Buffer =>
  frame(
    streamed
      ? ModelStreamInferResponse.encode({ errorMessage, inferResponse: response }).finish()
      : ModelInferResponse.encode(response).finish(),
  );

const write = async ({ stream, call, left }: Performance, bytes: Uint8Array): Promise<void> => {
  left.throwIfAborted();
  call.messages++;
  if (!stream.write(bytes)) await once(stream, 'drain', { signal: left });
};

const begin = ({ stream }: Performance): void => {
  if (!stream.headersSent)
    stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' }, { waitForTrailers: true });
};

const end = (
  performance: Performance,
  status = 0,
  message = '',
  trailers: Readonly<Record<string, string>> = {},
): void => {
  const { stream, call } = performance;
  begin(performance);
  stream.once('wantTrailers', () => {
    stream.sendTrailers({
      'grpc-status': String(status),
      ...(message !== '' && { 'grpc-message': encodeURI(message) }),
      ...trailers,
    });
  });
  call.state = status === 0 ? 'answered' : 'failed';
  stream.end();
};

const upTo = async (performance: Performance, messages: readonly Buffer[], at: GrpcMoment): Promise<void> => {
  if (at === 'before-headers') return;
  begin(performance);
  // Headers alone leave with the first turn of the event loop.
  await turn();
  if (at === 'after-headers') return;
  for (const message of messages.slice(0, at)) {
    await write(performance, message);
    await turn();
  }
};

const forever = (left: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const leave = (): void => reject(left.reason as Error);
    if (left.aborted) leave();
    else left.addEventListener('abort', leave, { once: true });
  });

const MALFORMED = {
  // A field of a length that is not there.
  garbage: frame(Uint8Array.of(0x2a, 0xff, 0xff, 0x03, 1, 2)),
  truncated: Buffer.from([0, 0, 0, 1, 0, 1, 2, 3]),
  huge: Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3]),
  compressed: Buffer.from([1, 0, 0, 0, 3, 1, 2, 3]),
} as const;

const oddAnswer = (
  request: ModelInferRequest,
  what: (GrpcBehaviour & { kind: 'tensors' })['what'],
): ModelInferResponse => {
  const bytes = Uint8Array.of(1, 2);
  switch (what) {
    case 'none':
      return answer(request, []);
    case 'other':
      return answer(request, [tensor('else', 'INT8', [2], bytes)]);
    case 'short':
      return answer(request, [tensor('x', 'INT8', [3], bytes)]);
    case 'long':
      return answer(request, [tensor('x', 'INT8', [1], bytes)]);
    case 'raw-missing':
      return {
        ...answer(request, [tensor('x', 'INT8', [2], bytes), tensor('y', 'INT8', [2], bytes)]),
        rawOutputContents: [bytes],
      };
    case 'unknown-type':
      return answer(request, [tensor('x', 'INT3', [2], bytes)]);
    case 'negative-shape':
      return answer(request, [tensor('x', 'INT8', [-2], bytes)]);
  }
};

/** Answers as the behaviour says. Rejects when the client leaves. */
export const perform = async (behaviour: GrpcBehaviour, performance: Performance): Promise<void> => {
  const { stream, call, request, streamed, left } = performance;
  const parts = rightAnswers(request, {
    ...(behaviour.kind === 'ok' && behaviour),
    reason: behaviour.kind !== 'no-reason',
  });
  const messages = (streamed ? parts : parts.slice(0, 1)).map((part) => messageOf(part, streamed));
  switch (behaviour.kind) {
    case 'ok':
    case 'no-reason':
      begin(performance);
      for (const message of messages) {
        await write(performance, message);
        await (behaviour.kind === 'ok' && behaviour.delayMs
          ? sleep(behaviour.delayMs, undefined, { signal: left })
          : turn());
      }
      return end(performance);
    case 'packets': {
      begin(performance);
      const all = Buffer.concat(messages);
      for (let at = 0; at < all.length; at += behaviour.bytes) {
        await write(performance, all.subarray(at, at + behaviour.bytes));
        await turn();
      }
      return end(performance);
    }
    case 'destroy':
      await upTo(performance, messages, behaviour.at);
      call.state = 'failed';
      stream.session?.destroy();
      return;
    case 'go-away':
      await upTo(performance, messages, behaviour.at);
      call.state = 'failed';
      stream.session?.goaway();
      await turn();
      stream.session?.destroy();
      return;
    case 'reset':
      await upTo(performance, messages, behaviour.at);
      call.state = 'failed';
      return stream.close(behaviour.code);
    case 'stall':
      await upTo(performance, messages, behaviour.at);
      return forever(left);
    case 'status':
      if (behaviour.after !== undefined) await upTo(performance, messages, behaviour.after);
      return end(performance, behaviour.status, behaviour.message ?? `status ${behaviour.status}`, behaviour.trailers);
    case 'cut':
      await upTo(performance, messages, behaviour.after);
      return end(performance);
    case 'no-status':
      stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' });
      for (const message of messages.slice(0, behaviour.after)) await write(performance, message);
      call.state = 'failed';
      return void stream.end();
    case 'empty':
      return end(performance);
    case 'http':
      stream.respond({ ':status': behaviour.status, 'content-type': behaviour.type });
      call.state = 'failed';
      return void stream.end(behaviour.body);
    case 'error-message':
      await upTo(performance, messages, behaviour.after);
      // Only a stream has a place for it.
      if (!streamed) return end(performance, 13, behaviour.message);
      await write(performance, messageOf(answer(request, [], true), true, behaviour.message));
      return end(performance);
    case 'malformed':
      await upTo(performance, messages, streamed ? behaviour.after : 'after-headers');
      await write(performance, MALFORMED[behaviour.what]);
      return end(performance);
    case 'tensors':
      begin(performance);
      await write(performance, messageOf(oddAnswer(request, behaviour.what), streamed));
      return end(performance);
    case 'endless': {
      begin(performance);
      const [first] = rightAnswers(request, { words: 2 });
      for (let index = 0; first; index++) {
        await write(performance, messageOf(first, streamed));
        if (index % 64 === 0) await turn();
      }
    }
  }
};
