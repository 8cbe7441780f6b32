import { z } from 'zod';
import type { Route } from '../route.ts';
import { RESUME_HEADER } from './stream-reader.ts';
import type { StreamKeeper } from './stream-keeper.ts';

const EndedStream = z.strictObject({ id: z.string(), ended: z.literal(true) }).meta({ id: 'EndedStream' });

const ID = 'Id of the stream: the `x-request-id` of the answer that began it.';

/** Going on with a stream whose connection broke. */
export const streamRoutes = (keeper: StreamKeeper): readonly Route[] => [
  {
    method: 'GET',
    path: '/v1/streams/*',
    scope: 'inference',
    operation: {
      summary:
        'Go on with a stream of the own tenant that was asked for with `x-golek-resumable: true`: what follows the event of `Last-Event-ID`, or all of it. Another connection that reads it is closed.',
      tag: 'operation',
      mediaType: 'text/event-stream',
      response: z.string().describe('Events in the form of the protocol that the stream was asked for in.'),
      parameters: { id: ID },
    },
    handle: (exchange) => {
      const id = exchange.parameters['*'] ?? '';
      if (exchange.request.method !== 'HEAD') return keeper.resume(exchange, id);
      keeper.check(exchange, id);
      const headers = { ...exchange.headers('text/event-stream; charset=utf-8'), [RESUME_HEADER]: `/v1/streams/${id}` };
      exchange.response.writeHead(200, headers).end();
      return undefined;
    },
  },
  {
    method: 'DELETE',
    path: '/v1/streams/*',
    scope: 'inference',
    operation: {
      summary: 'End a stream, and the run behind it, that was asked for with `x-golek-resumable: true`.',
      tag: 'operation',
      response: EndedStream,
      parameters: { id: ID },
    },
    handle: (exchange) => {
      const id = exchange.parameters['*'] ?? '';
      keeper.end(exchange, id);
      exchange.sendJson(200, { id, ended: true });
    },
  },
];
