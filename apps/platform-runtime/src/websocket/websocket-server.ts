import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { GolekError, type Principal } from '@golek/api';
import { offeredToken, SUBPROTOCOL } from '@golek/protocols/websocket';
import { WebSocketServer } from 'ws';
import type { Asker, Authentication } from '../http/authentication.ts';
import { Exchange } from '../http/exchange.ts';
import { requestIdOf } from '../http/request-id.ts';
import { originRefusal } from './allowed-origin.ts';
import { socketPeer, type SocketPeer } from './socket-peer.ts';
import type { SocketRunDeps } from './socket-run.ts';
import { SocketSession } from './socket-session.ts';
import type { SocketTelemetry } from './socket-telemetry.ts';
import { toldFailure } from './told-failure.ts';
import type { SharedLimits, WebSocketSettings } from './websocket-settings.ts';

export const WEBSOCKET_PATH = '/v1/ws';

/** By a name of its own, since the library's types do not know `closeTimeout` yet. */
const LIBRARY_OPTIONS = {
  noServer: true,
  clientTracking: false,
  /** A peer that does not answer a close has so long, milliseconds. */
  closeTimeout: 1000,
  // `offeredToken` has made sure that it is offered where anything is.
  handleProtocols: (): string => SUBPROTOCOL,
};

/** What a server with WebSockets is given for them. */
export interface WebSocketOptions {
  /** What counts now, for callers of the tenant. */
  readonly settings: (tenant: string) => WebSocketSettings;
  /** Absent: nobody watches. */
  readonly socketTelemetry?: SocketTelemetry;
}

export interface WebSocketDeps extends WebSocketOptions, SocketRunDeps {
  readonly authentication: Pick<Authentication, 'admit' | 'refusal'>;
  /** Those of the HTTP server. */
  readonly limits: () => SharedLimits;
  /** Told of a handshake that is refused, before it is answered. */
  readonly onRefused?: (exchange: Exchange) => void;
}

/** The sockets of a server: who may open one, how many there are, and their end. */
export class WebSockets {
  readonly #deps: WebSocketDeps;
  readonly #library = new WebSocketServer(LIBRARY_OPTIONS);
  /** Each with its tenant. */
  readonly #sessions = new Map<SocketSession, string>();
  /** Connections whose handshake is not answered yet. */
  readonly #pending = new Set<Socket>();
  #stopping = false;
  #onQuiet: (() => void) | undefined;

  constructor(deps: WebSocketDeps) {
    this.#deps = deps;
  }

  /** Whether a request is the handshake of a WebSocket here; everything else is an ordinary request. */
  wants({ method, url = '', headers }: IncomingMessage): boolean {
    const end = url.indexOf('?');
    const path = end < 0 ? url : url.slice(0, end);
    return method === 'GET' && path === WEBSOCKET_PATH && headers.upgrade?.toLowerCase() === 'websocket';
  }

  /** Answers a handshake: with 101, or with the error that an ordinary request would get. Never throws. */
  async upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    // A connection that breaks also closes.
    socket.on('error', () => undefined);
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.on('finish', () => socket.destroySoon());
    const exchange = new Exchange(requestIdOf(request.headers['x-request-id']), request, response);
    this.#pending.add(socket);
    try {
      const { peer, principal } = await this.#admit(exchange);
      this.#refuseBeyondLimits(principal);
      if (!socket.destroyed) this.#open(exchange, socket, head, peer, principal);
    } catch (thrown) {
      this.#refuse(exchange, thrown);
    } finally {
      this.#pending.delete(socket);
    }
  }

  /** Takes no new sockets, closes those without a request and the others when their last one has ended. @returns whether all ended within `graceMs`. */
  async drain(graceMs: number): Promise<boolean> {
    this.#stopping = true;
    for (const session of this.#sessions.keys()) session.leave();
    if (this.#quiet) return true;
    const quiet = Promise.withResolvers<boolean>();
    this.#onQuiet = (): void => quiet.resolve(true);
    const timer = setTimeout(() => quiet.resolve(false), graceMs);
    const ended = await quiet.promise;
    clearTimeout(timer);
    return ended;
  }

  /** The same without a limit of time; `terminate` cuts off what is left. */
  close(): void {
    this.#stopping = true;
    for (const session of this.#sessions.keys()) session.leave();
  }

  terminate(): void {
    for (const session of this.#sessions.keys()) session.terminate();
    for (const socket of this.#pending) socket.destroy();
  }

  get #quiet(): boolean {
    return [...this.#sessions.keys()].every(({ quiet }) => quiet);
  }

  /** Who opens a socket. Throws as the HTTP API does, and `permission_denied` for web pages of other origins. */
  async #admit(exchange: Exchange): Promise<{ readonly peer: SocketPeer; readonly principal: Principal }> {
    const { authentication, settings, limits } = this.#deps;
    const { request, id, signal } = exchange;
    const refusal = authentication.refusal(exchange);
    if (refusal) throw refusal;
    const peer = socketPeer(id, request, offeredToken(request.headers['sec-websocket-protocol']));
    const asker: Asker = { id, signal, trace: undefined, request: peer.request };
    const principal = await authentication.admit(asker, 'inference');
    const origins = [...settings(principal.tenant).origins, ...limits().origins];
    const foreign = originRefusal(request.headers, origins);
    if (foreign) throw foreign;
    return { peer, principal };
  }

  #refuseBeyondLimits({ tenant }: Principal): void {
    if (this.#stopping) throw new GolekError('shutting_down', 'the runtime is stopping and takes no new sockets');
    const { maxSockets, maxSocketsPerTenant } = this.#deps.settings(tenant);
    if (this.#sessions.size >= maxSockets)
      throw new GolekError(
        'overloaded',
        `${maxSockets} sockets are open, which is the server's limit (websocket.maxSockets)`,
      );
    const own = [...this.#sessions.values()].filter((other) => other === tenant).length;
    if (own >= maxSocketsPerTenant)
      throw new GolekError(
        'rate_limited',
        `${maxSocketsPerTenant} sockets are open, which is the limit of your tenant (websocket.maxSocketsPerTenant); put several requests on one socket`,
      );
  }

  #open(exchange: Exchange, socket: Socket, head: Buffer, peer: SocketPeer, { tenant }: Principal): void {
    const { socketTelemetry: telemetry, settings: settingsOf } = this.#deps;
    const settings = settingsOf(tenant);
    const limits = this.#deps.limits();
    const refuse = (error: Error): void => this.#refuse(exchange, malformed(error));
    this.#library.options.maxPayload = limits.bodyLimitBytes;
    this.#library.once('wsClientError', refuse);
    // Calls back, or emits the error, before it returns.
    this.#library.handleUpgrade(exchange.request, socket, head, (ws) => {
      exchange.response.detachSocket(socket);
      const onQuiet = (): void => {
        if (this.#quiet) this.#onQuiet?.();
      };
      const { writeTimeoutMs } = limits;
      const session = new SocketSession({ ws, socket, peer, settings, writeTimeoutMs, deps: this.#deps, onQuiet });
      this.#sessions.set(session, tenant);
      telemetry?.opened();
      ws.on('close', () => {
        this.#sessions.delete(session);
        telemetry?.closed();
      });
    });
    this.#library.off('wsClientError', refuse);
  }

  #refuse(exchange: Exchange, thrown: unknown): void {
    const error = toldFailure(thrown, this.#deps.log, { request: exchange.id });
    this.#deps.onRefused?.(exchange);
    exchange.sendError(error, error.code === 'invalid_request' ? { 'sec-websocket-version': '13' } : {});
  }
}

const malformed = (error: Error): GolekError =>
  new GolekError('invalid_request', `this is no handshake of a WebSocket (RFC 6455): ${error.message}`);
