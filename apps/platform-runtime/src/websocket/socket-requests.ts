import { GolekError } from '@golek/api';
import {
  continued,
  noOpenRound,
  PARAMS_OF,
  readStart,
  type StartMessage,
  type ToolResultMessage,
} from '@golek/protocols/websocket';
import { KeptConversations } from './kept-conversations.ts';
import type { Outbox } from './outbox.ts';
import type { SocketPeer } from './socket-peer.ts';
import { SocketRun, type RunOptions, type SocketRunDeps } from './socket-run.ts';
import type { WebSocketSettings } from './websocket-settings.ts';

export interface SocketRequestsParts {
  readonly peer: SocketPeer;
  readonly settings: WebSocketSettings;
  readonly deps: SocketRunDeps;
  readonly outbox: Outbox;
  /** Called when a request has ended. */
  readonly onEnd: () => void;
}

/** The requests of one socket, by the client's names of them, and the conversations that wait for tool results. */
export class SocketRequests {
  readonly #parts: SocketRequestsParts;
  readonly #runs = new Map<string, SocketRun>();
  readonly #kept: KeptConversations;
  #started = 0;

  constructor(parts: SocketRequestsParts) {
    this.#parts = parts;
    this.#kept = new KeptConversations(parts.settings);
  }

  /** In progress. */
  get size(): number {
    return this.#runs.size;
  }

  /** Since the socket was opened. */
  get started(): number {
    return this.#started;
  }

  has(id: string): boolean {
    return this.#runs.has(id);
  }

  /** `bytes`: of the message. Throws `conflict` and `rate_limited` for one that does not begin. */
  start(message: StartMessage, bytes: number): void {
    const { id, task, headers = {} } = message;
    this.#begin(
      { id, task, headers, params: PARAMS_OF[task], read: () => readStart(message) },
      // What was kept under the name is of another conversation.
      () => this.#kept.drop(id),
      bytes,
    );
  }

  /** Goes on with a conversation that was kept. Throws `conflict` where there is none, and as `start` does. */
  goOn(message: ToolResultMessage, bytes: number): void {
    const { id, headers = {} } = message;
    const kept = this.#kept.get(id);
    if (!kept) throw this.#runs.has(id) ? inProgress(id) : noOpenRound(id);
    const read: RunOptions['read'] = () => ({
      kind: 'generate',
      requests: [continued(kept.round, message)],
      choices: 1,
      params: PARAMS_OF.chat,
    });
    this.#begin({ id, task: 'chat', headers, params: {}, read }, () => undefined, kept.bytes + bytes);
  }

  /** @returns false when there was nothing to cancel. */
  cancel(id: string): boolean {
    const run = this.#runs.get(id);
    this.#kept.drop(id);
    run?.abort(new GolekError('cancelled', `the request '${id}' was cancelled`));
    return run !== undefined;
  }

  /** The socket is gone: so is everything that was for it. */
  close(): void {
    this.#kept.close();
    const reason = new GolekError('cancelled', 'the client closed its WebSocket before the answer was complete');
    for (const run of this.#runs.values()) run.abort(reason);
  }

  /** `bytes`: what its conversation holds before the answer. */
  #begin(options: Omit<RunOptions, 'keep'>, before: () => void, bytes: number): void {
    const { peer, deps, settings, outbox, onEnd } = this.#parts;
    const { id } = options;
    if (this.#runs.has(id)) throw inProgress(id);
    if (this.#runs.size >= settings.maxRequests) throw tooMany(settings.maxRequests);
    before();
    let kept = false;
    const keep: RunOptions['keep'] = (round) =>
      (kept = this.#kept.keep(id, { round, bytes: bytes + Buffer.byteLength(JSON.stringify(round.answer)) }));
    const run = new SocketRun({ ...options, keep }, peer, outbox, deps);
    this.#runs.set(id, run);
    this.#started += 1;
    void run.answer().then((whole) => {
      this.#runs.delete(id);
      // A round that failed can be asked for again.
      if (whole && !kept) this.#kept.drop(id);
      onEnd();
    });
  }
}

const inProgress = (id: string): GolekError =>
  new GolekError(
    'conflict',
    `the request '${id}' is in progress on this socket; choose another id or wait for its end`,
    { details: { path: 'id' } },
  );

const tooMany = (limit: number): GolekError =>
  new GolekError(
    'rate_limited',
    `${limit} requests are in progress on this socket, which is its limit (websocket.maxRequests); wait for the end of one or open another socket`,
    { details: { limit } },
  );
