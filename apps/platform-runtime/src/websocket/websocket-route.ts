import { GolekError } from '@golek/api';
import { ErrorBody, errorBody } from '@golek/protocols/openai';
import type { Route } from '../http/route.ts';
import { WEBSOCKET_PATH } from './websocket-server.ts';

/** What the path of the WebSocket says to an ordinary request; handshakes never come here. */
export const websocketRoute: Route = {
  method: 'GET',
  path: WEBSOCKET_PATH,
  scope: 'inference',
  operation: {
    summary: 'Open a WebSocket: several requests on one connection, see docs/reference/websocket-api.md.',
    tag: 'inference',
    status: 101,
    others: { 426: { description: 'Not the handshake of a WebSocket.', schema: ErrorBody } },
  },
  handle: (exchange) => {
    const error = new GolekError(
      'invalid_request',
      `${WEBSOCKET_PATH} is a WebSocket: open it with a WebSocket client, or post a request to /v1/chat/completions`,
    );
    exchange.sendText(426, JSON.stringify(errorBody(error)), { upgrade: 'websocket', connection: 'upgrade' });
  },
};
