import { GolekError, type InferenceEvent, type InferenceRequest, type Principal } from '@golek/api';
import { abortable, createCall, type Engine } from '@golek/kernel';
import type { Log, TraceContext } from '@golek/plugins-api';
import type { WireParams } from '@golek/protocols/openai';
import { errorMessage, type MessageHeaders, type StartCall } from '@golek/protocols/websocket';
import type { Authentication } from '../http/authentication.ts';
import { NOBODY } from '../http/principals.ts';
import { readHints, type OverrideReader, type RequestHints } from '../http/request-hints.ts';
import { requestIdOf } from '../http/request-id.ts';
import { withWarnings } from '../http/with-warnings.ts';
import type { Outbox } from './outbox.ts';
import type { SocketPeer } from './socket-peer.ts';
import type { SocketTelemetry } from './socket-telemetry.ts';
import { tellAnswer, type Telling } from './tell-answer.ts';
import { toldFailure } from './told-failure.ts';

export interface SocketRunDeps {
  readonly authentication: Pick<Authentication, 'admit'>;
  readonly engine: Pick<Engine, 'run'>;
  readonly readOverrides: OverrideReader;
  readonly log: Log;
  /** Absent: nobody watches. */
  readonly socketTelemetry?: SocketTelemetry;
}

export interface RunOptions {
  /** The client's name of it. */
  readonly id: string;
  /** For telemetry, e.g. `chat`. */
  readonly task: string;
  readonly headers: MessageHeaders;
  /** Names of the parameters, for errors before the request is read. */
  readonly params: WireParams;
  /** Reads what is to be run; what it throws is told as the end of the request. */
  readonly read: () => StartCall;
  readonly keep: Telling['keep'];
}

/** One request on a socket, from its message to its last one: every way out is told, by `finished` or by `error`. */
export class SocketRun {
  readonly requestId: string;
  readonly #options: RunOptions;
  readonly #peer: SocketPeer;
  readonly #outbox: Outbox;
  readonly #deps: SocketRunDeps;
  readonly #controller = new AbortController();
  readonly #receivedAt = performance.now();
  #trace: TraceContext | undefined;
  #principal: Principal = NOBODY;
  #hints: RequestHints = {};
  #deadline: NodeJS.Timeout | undefined;

  constructor(options: RunOptions, peer: SocketPeer, outbox: Outbox, deps: SocketRunDeps) {
    this.#options = options;
    this.#peer = peer;
    this.#outbox = outbox;
    this.#deps = deps;
    this.requestId = requestIdOf(options.headers['x-request-id']);
  }

  abort(reason: GolekError): void {
    this.#controller.abort(reason);
  }

  /** Never throws. @returns true when it has finished. */
  async answer(): Promise<boolean> {
    const { id, task, headers, read, keep } = this.#options;
    const { request, userAgent } = this.#peer;
    const begun = this.#deps.socketTelemetry?.begin({
      id: this.requestId,
      task,
      traceparent: headers.traceparent,
      receivedAt: this.#receivedAt,
      remoteAddress: request.socket.remoteAddress,
      userAgent,
    });
    this.#trace = begun?.trace;
    let { params } = this.#options;
    let failure: GolekError | undefined;
    try {
      await this.#admit();
      const call = read();
      params = call.params;
      this.#readHints();
      const { requests: [first] = [], warnings = [] } = call.kind === 'generate' ? call : {};
      const finished = await tellAnswer(call, {
        id,
        requestId: this.requestId,
        run: (one, defaultMaxTokens) => withWarnings(this.#run(one, defaultMaxTokens), one === first ? warnings : []),
        send: (text) => this.#send(text),
        keep,
      });
      await this.#outbox.send(JSON.stringify({ type: 'finished', id, ...finished }));
    } catch (thrown) {
      failure = this.#failureOf(thrown);
      // Ends what the run may still have in progress beside what failed.
      this.abort(failure);
      await this.#outbox.send(JSON.stringify(errorMessage(failure, { id, requestId: this.requestId, params })));
    } finally {
      clearTimeout(this.#deadline);
      begun?.end(failure);
    }
    return !failure;
  }

  /** Asked for every request: credentials that are taken back end what a socket may do. */
  async #admit(): Promise<void> {
    const { signal } = this.#controller;
    const asker = { id: this.requestId, signal, trace: this.#trace, request: this.#peer.request };
    this.#principal = await this.#deps.authentication.admit(asker, 'inference');
  }

  #readHints(): void {
    this.#hints = readHints({ ...this.#peer.hints, ...this.#options.headers }, this.#deps.readOverrides);
    const { timeoutMs } = this.#hints;
    if (timeoutMs === undefined) return;
    const left = this.#receivedAt + timeoutMs - performance.now();
    this.#deadline = setTimeout(
      () => this.abort(new GolekError('deadline_exceeded', `the request was not answered within its ${timeoutMs} ms`)),
      Math.max(0, left),
    );
  }

  #run(request: InferenceRequest, defaultMaxTokens?: number): AsyncIterable<InferenceEvent> {
    const { traceparent } = this.#options.headers;
    const { hints, priority, timeoutMs, overrides } = this.#hints;
    const call = createCall({
      request,
      signal: this.#controller.signal,
      principal: this.#principal,
      id: this.requestId,
      protocol: 'websocket',
      receivedAt: this.#receivedAt,
      trace: this.#trace,
      traceparent,
      hints,
      priority,
      deadline: timeoutMs === undefined ? undefined : this.#receivedAt + timeoutMs,
      defaultMaxTokens,
      overrides,
    });
    return this.#deps.engine.run(call, this.#controller);
  }

  /** Throws the signal's reason where the client does not read and the request is ended meanwhile. */
  #send(text: string): Promise<void> | undefined {
    const waiting = this.#outbox.send(text);
    return waiting && abortable(waiting, this.#controller.signal);
  }

  #failureOf(thrown: unknown): GolekError {
    const { signal } = this.#controller;
    const reason: unknown = signal.aborted && !(thrown instanceof GolekError) ? signal.reason : thrown;
    return toldFailure(reason, this.#deps.log, { request: this.requestId, trace: this.#trace?.traceId });
  }
}
