import { GolekError, type InferenceEvent, type InferenceRequest, type Principal } from '@golek/api';
import { createCall, type Engine } from '@golek/kernel';
import { Metadata, status, type ServerUnaryCall, type ServiceError } from '@grpc/grpc-js';
import type { Log } from '@golek/plugins-api';
import { grpcStatusOf } from '@golek/protocols/kserve';
import type { Asker, Authentication } from '../http/authentication.ts';
import { NOBODY } from '../http/principals.ts';
import { requestIdOf } from '../http/request-id.ts';
import { readHints, type OverrideReader } from '../http/request-hints.ts';
import type { RouteScope } from '../http/route.ts';

/** What both kinds of calls have. */
interface LibraryCall extends Pick<
  ServerUnaryCall<unknown, unknown>,
  'metadata' | 'getHost' | 'getPeer' | 'getDeadline'
> {
  on(event: 'cancelled', listener: () => void): unknown;
}

export interface GrpcCallDeps {
  readonly authentication: Pick<Authentication, 'admit' | 'refusal'>;
  readonly engine: Pick<Engine, 'run'>;
  readonly readOverrides: OverrideReader;
  readonly log: Log;
}

/** A call and who makes it. */
export class GrpcCall implements Asker {
  readonly id: string;
  readonly trace = undefined;
  readonly request: Asker['request'];
  readonly receivedAt = performance.now();
  principal: Principal = NOBODY;
  readonly #deps: GrpcCallDeps;
  readonly #controller = new AbortController();
  /** Milliseconds of `performance.now()`. */
  readonly #deadline: number | undefined;

  constructor(call: LibraryCall, deps: GrpcCallDeps) {
    this.#deps = deps;
    const sent = call.metadata.getMap();
    const headers = Object.fromEntries(Object.entries(sent).map(([name, value]) => [name, String(value)]));
    this.id = requestIdOf(headers['x-request-id']);
    this.request = {
      headers: { ...headers, host: call.getHost() },
      socket: { remoteAddress: call.getPeer().replace(/:\d+$/, '') },
    };
    const deadline = Number(call.getDeadline());
    this.#deadline = Number.isFinite(deadline) ? performance.now() + deadline - Date.now() : undefined;
    call.on('cancelled', () => this.#controller.abort(this.#reason()));
  }

  /** Aborted when the client leaves or its time is up. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Finds out who calls. Throws `unauthenticated` and `permission_denied`. */
  async admit(scope: RouteScope): Promise<void> {
    const { authentication } = this.#deps;
    const refusal = authentication.refusal(this);
    if (refusal) throw refusal;
    this.principal = await authentication.admit(this, scope);
  }

  /** Runs a request, one of several of a stream perhaps: then each has its own end, beside that of the call. */
  run(
    request: InferenceRequest,
    limits: { readonly timeoutMs: number | undefined; readonly maxTokens: number | undefined },
  ): AsyncIterable<InferenceEvent> {
    const { engine, readOverrides } = this.#deps;
    const { headers } = this.request;
    const { hints, priority, timeoutMs, overrides } = readHints(headers, readOverrides);
    const asked = [timeoutMs, limits.timeoutMs].flatMap((ms) => (ms === undefined ? [] : performance.now() + ms));
    const deadline = Math.min(this.#deadline ?? Infinity, ...asked);
    const own = new AbortController();
    const { traceparent } = headers;
    const call = createCall({
      request,
      signal: AbortSignal.any([
        this.signal,
        own.signal,
        ...asked.map((at) => AbortSignal.timeout(Math.max(0, Math.ceil(at - performance.now())))),
      ]),
      principal: this.principal,
      id: this.id,
      protocol: 'kserve',
      receivedAt: this.receivedAt,
      traceparent: typeof traceparent === 'string' ? traceparent : undefined,
      hints,
      priority,
      deadline: Number.isFinite(deadline) ? deadline : undefined,
      defaultMaxTokens: limits.maxTokens,
      overrides,
    });
    return engine.run(call, own);
  }

  /** What is told of a failure; one of the server itself goes to its log. */
  failure(thrown: unknown): Pick<ServiceError, 'code' | 'details' | 'metadata'> {
    const error =
      thrown instanceof GolekError
        ? thrown
        : this.signal.aborted
          ? GolekError.from(this.signal.reason, 'cancelled')
          : new GolekError('internal', 'the server failed on this request; its log has the cause', { cause: thrown });
    if (error.code === 'internal')
      this.#deps.log.error({ request: this.id, err: thrown }, 'a request failed in the gRPC server');
    const metadata = new Metadata();
    metadata.set('x-request-id', this.id);
    if (error.retryAfter !== undefined) metadata.set('retry-after', String(Math.ceil(error.retryAfter)));
    return { code: status[grpcStatusOf(error)], details: error.message, metadata };
  }

  #reason(): GolekError {
    return this.#deadline !== undefined && performance.now() >= this.#deadline
      ? new GolekError('deadline_exceeded', 'the request was not answered within the deadline of its call')
      : new GolekError('cancelled', 'the client ended the call');
  }
}
