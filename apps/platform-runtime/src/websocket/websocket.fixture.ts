import { once } from 'node:events';
import { ServerMessage } from '@golek/protocols/websocket';
import type { FakeModel } from '@golek/providers-spi/testing';
import { onTestFinished } from 'vitest';
import { WebSocket, type ClientOptions } from 'ws';
import { serve, type ServeOptions, type TestServer } from '../http/server.fixture.ts';
import type { WebSocketOptions } from './websocket-server.ts';
import type { WebSocketSettings } from './websocket-settings.ts';

const SETTINGS: WebSocketSettings = {
  maxSockets: 100,
  maxSocketsPerTenant: 100,
  maxRequests: 64,
  pingIntervalMs: 10_000,
  pongTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
  maxConversations: 8,
  maxConversationBytes: 1_048_576,
  conversationMs: 60_000,
  origins: [],
};

/** A server with WebSockets over a fake provider, for the running test. */
export const serveSockets = (
  models: Readonly<Record<string, FakeModel>> = { tiny: {} },
  settings: Partial<WebSocketSettings> = {},
  { socketTelemetry, ...options }: ServeOptions & Pick<WebSocketOptions, 'socketTelemetry'> = {},
): Promise<TestServer> => {
  const webSockets = { settings: () => ({ ...SETTINGS, ...settings }), ...(socketTelemetry && { socketTelemetry }) };
  return serve(models, { webSockets, ...options });
};

export const socketUrl = (url: string): string => `${url.replace(/^http/, 'ws')}/v1/ws`;

type MessageOf<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

/** A client by the library `ws`; every message that it gets must be of the protocol. */
export class TestClient {
  readonly ws: WebSocket;
  readonly messages: ServerMessage[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  #waiting: (() => void)[] = [];

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data: Buffer) => {
      this.messages.push(ServerMessage.parse(JSON.parse(data.toString('utf8'))));
      this.#wake();
    });
    // What goes wrong also closes.
    ws.on('error', () => undefined);
    this.closed = new Promise((resolve) =>
      ws.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString('utf8') });
        this.#wake();
      }),
    );
    onTestFinished(() => ws.terminate());
  }

  static async open(
    url: string,
    { protocols = ['golek.v1'], ...options }: ClientOptions & { readonly protocols?: string[] } = {},
  ): Promise<TestClient> {
    const client = new TestClient(new WebSocket(socketUrl(url), protocols, options));
    await once(client.ws, 'open');
    return client;
  }

  /** Text as it is, anything else as JSON. */
  send(message: object | string): void {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Starts a chat with the fake model. */
  chat(id: string, fields: object = {}, more: object = {}): void {
    const request = { model: 'tiny', messages: [{ role: 'user', content: 'hello' }], ...fields };
    this.send({ type: 'start', id, task: 'chat', request, ...more });
  }

  /** The first message that fits, come or to come. Throws when the socket closes before. */
  async until(fits: (message: ServerMessage) => boolean): Promise<ServerMessage> {
    for (;;) {
      const found = this.messages.find(fits);
      if (found) return found;
      if (this.ws.readyState === WebSocket.CLOSED) throw new Error(`closed after ${JSON.stringify(this.messages)}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** The first message of the type; of the request, where one is named. */
  async get<T extends ServerMessage['type']>(type: T, id?: string): Promise<MessageOf<T>> {
    const found = await this.until(
      (message) => message.type === type && (id === undefined || ('id' in message && message.id === id)),
    );
    return found as MessageOf<T>;
  }

  /** The last message of a request. */
  async end(id: string): Promise<MessageOf<'finished' | 'error'>> {
    const found = await this.until(
      ({ type, ...rest }) => (type === 'finished' || type === 'error') && 'id' in rest && rest.id === id,
    );
    return found as MessageOf<'finished' | 'error'>;
  }

  /** The text of a request so far. */
  textOf(id: string): string {
    return this.messages
      .map((message) => (message.type === 'delta' && message.id === id && 'text' in message ? message.text : ''))
      .join('');
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
