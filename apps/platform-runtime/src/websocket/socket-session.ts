import type { Socket } from 'node:net';
import { GolekError } from '@golek/api';
import { errorMessage, idOf, readClientMessage, warningMessage } from '@golek/protocols/websocket';
import type { RawData, WebSocket } from 'ws';
import { parseJson } from '../http/json-body.ts';
import { Heartbeat } from './heartbeat.ts';
import { Outbox } from './outbox.ts';
import type { SocketPeer } from './socket-peer.ts';
import { SocketRequests } from './socket-requests.ts';
import type { SocketRunDeps } from './socket-run.ts';
import { toldFailure } from './told-failure.ts';
import type { WebSocketSettings } from './websocket-settings.ts';

/** Close codes of RFC 6455 that the server itself chooses; those of broken frames are the library's. */
const CLOSE = { idle: 1000, goingAway: 1001, binary: 1003 } as const;

/** Messages that may wait beside those of requests before the client is read no further. */
const SPARE_MESSAGES = 16;

export interface SessionParts {
  readonly ws: WebSocket;
  readonly socket: Socket;
  readonly peer: SocketPeer;
  readonly settings: WebSocketSettings;
  /** A client that reads nothing of what it is sent for so long is dropped, milliseconds. */
  readonly writeTimeoutMs: number;
  readonly deps: SocketRunDeps;
  /** Called when the last request has ended, and when the socket has closed. */
  readonly onQuiet: () => void;
}

/** One socket and the requests on it. */
export class SocketSession {
  readonly #parts: SessionParts;
  readonly #outbox: Outbox;
  readonly #heartbeat: Heartbeat;
  readonly #idle: NodeJS.Timeout;
  readonly #requests: SocketRequests;
  readonly #openedAt = performance.now();
  #leaving = false;

  constructor(parts: SessionParts) {
    const { ws, socket, settings, writeTimeoutMs, peer, deps } = parts;
    this.#parts = parts;
    this.#outbox = new Outbox({
      ws,
      stream: socket,
      writeTimeoutMs,
      maxWaiting: settings.maxRequests + SPARE_MESSAGES,
      onStall: () => this.#drop(`read nothing of its messages for ${writeTimeoutMs} ms`),
    });
    this.#requests = new SocketRequests({ peer, settings, deps, outbox: this.#outbox, onEnd: () => this.#onEnd() });
    this.#heartbeat = new Heartbeat({
      bytesRead: () => socket.bytesRead,
      ping: () => ws.ping(),
      blocked: () => this.#outbox.blocked,
      onSilence: () => this.#drop(`did not answer a ping within ${settings.pongTimeoutMs} ms`),
      intervalMs: settings.pingIntervalMs,
      timeoutMs: settings.pongTimeoutMs,
    });
    this.#idle = setTimeout(() => this.#endIfIdle(), settings.idleTimeoutMs);
    ws.on('message', (data, isBinary) => this.#receive(data, isBinary));
    // A broken frame: the library closes with the code for it, and an open connection is told so.
    ws.on('error', (error) => this.#log(error.message));
    ws.on('close', (code) => this.#closed(code));
  }

  /** True when no request is in progress. */
  get quiet(): boolean {
    return this.#requests.size === 0;
  }

  /** Closes the socket as soon as no request is in progress. */
  leave(): void {
    this.#leaving = true;
    if (this.quiet) this.#parts.ws.close(CLOSE.goingAway, 'the server stops');
  }

  /** Cuts the connection. */
  terminate(): void {
    this.#parts.ws.terminate();
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#idle.refresh();
    if (isBinary) return this.#refuseBinary();
    let json: unknown;
    try {
      json = parseJson(data as Buffer, 'message');
      const message = readClientMessage(json);
      switch (message.type) {
        case 'start':
          return this.#requests.start(message, (data as Buffer).length);
        case 'tool_result':
          return this.#requests.goOn(message, (data as Buffer).length);
        case 'cancel':
          return this.#cancel(message.id);
        case 'ping':
          return this.#reply({ ...message, type: 'pong' });
      }
    } catch (thrown) {
      const error = toldFailure(thrown, this.#parts.deps.log, { socket: this.#parts.peer.id });
      // A message that names a request in progress does not end it.
      const id = idOf(json);
      this.#reply(errorMessage(error, { id: id !== undefined && this.#requests.has(id) ? undefined : id }));
    }
  }

  #cancel(id: string): void {
    if (this.#requests.cancel(id)) return;
    this.#reply(warningMessage(`no request '${id}' is in progress on this socket: nothing was cancelled`, id));
  }

  #onEnd(): void {
    this.#idle.refresh();
    if (!this.quiet) return;
    if (this.#leaving) this.leave();
    this.#parts.onQuiet();
  }

  #refuseBinary(): void {
    const message = 'messages are JSON in text frames; binary frames are not read';
    this.#reply(errorMessage(new GolekError('unsupported_media_type', message)));
    this.#parts.ws.close(CLOSE.binary, message);
  }

  #reply(message: object): void {
    // Where the client does not read, it waits in the outbox, which reads no further of a client with too many.
    void this.#outbox.send(JSON.stringify(message));
  }

  #endIfIdle(): void {
    // The end of the last request starts the time anew.
    if (!this.quiet) return;
    this.#parts.ws.close(CLOSE.idle, `idle for ${this.#parts.settings.idleTimeoutMs} ms`);
  }

  #drop(reason: string): void {
    const { deps, peer } = this.#parts;
    deps.log.warn({ socket: peer.id, requests: this.#requests.size }, `a WebSocket was cut: its client ${reason}`);
    this.terminate();
  }

  #log(reason: string): void {
    this.#parts.deps.log.debug({ socket: this.#parts.peer.id, reason }, 'a WebSocket sent what cannot be read');
  }

  #closed(code: number): void {
    const { deps, peer, onQuiet } = this.#parts;
    clearTimeout(this.#idle);
    this.#heartbeat.stop();
    this.#outbox.close();
    this.#requests.close();
    const durationMs = Math.round(performance.now() - this.#openedAt);
    deps.log.debug({ socket: peer.id, code, requests: this.#requests.started, durationMs }, 'a WebSocket closed');
    onQuiet();
  }
}
