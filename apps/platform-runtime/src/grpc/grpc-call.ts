import { GolekError, type InferenceEvent, type InferenceRequest, type Principal } from '@golek/api';
import { ATTR, createCall, GOLEK_ATTR, type Engine, type Tracing } from '@golek/kernel';
import { Metadata, status, type ServerUnaryCall, type ServiceError } from '@grpc/grpc-js';
import type { Log, TraceContext } from '@golek/plugins-api';
import { grpcStatusOf } from '@golek/protocols/kserve';
import type { Asker, Authentication } from '../http/authentication.ts';
import { NOBODY } from '../http/principals.ts';
import { requestIdOf } from '../http/request-id.ts';
import { readHints, type OverrideReader } from '../http/request-hints.ts';
import type { RouteScope } from '../http/route.ts';
import { errorTypeOf } from './call-outcome.ts';

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
  readonly tracing: Pick<Tracing, 'begin'>;
}

/** What is called. */
export interface GrpcMethod {
  /** With its service: `inference.GRPCInferenceService/ModelInfer`. */
  readonly name: string;
  readonly scope: RouteScope;
}

/** A call and who makes it. */
export class GrpcCall implements Asker {
  readonly id: string;
  readonly trace: TraceContext | undefined;
  readonly request: Asker['request'];
  readonly receivedAt = performance.now();
  principal: Principal = NOBODY;
  readonly #deps: GrpcCallDeps;
  readonly #scope: RouteScope;
  readonly #span: ReturnType<Tracing['begin']>['span'];
  readonly #controller = new AbortController();
  /** Milliseconds of `performance.now()`. */
  readonly #deadline: number | undefined;

  constructor(call: LibraryCall, { name, scope }: GrpcMethod, deps: GrpcCallDeps) {
    this.#deps = deps;
    this.#scope = scope;
    const sent = call.metadata.getMap();
    const headers = Object.fromEntries(Object.entries(sent).map(([name, value]) => [name, String(value)]));
    this.id = requestIdOf(headers['x-request-id']);
    const remoteAddress = call.getPeer().replace(/:\d+$/, '');
    this.request = { headers: { ...headers, host: call.getHost() }, socket: { remoteAddress } };
    const deadline = Number(call.getDeadline());
    this.#deadline = Number.isFinite(deadline) ? performance.now() + deadline - Date.now() : undefined;
    const attributes = {
      [ATTR.rpcSystem]: 'grpc',
      [ATTR.rpcMethod]: name,
      [ATTR.clientAddress]: remoteAddress,
      [GOLEK_ATTR.requestId]: this.id,
    };
    // Probes are no traces that anybody wants.
    const begun =
      scope === 'public'
        ? undefined
        : deps.tracing.begin(this.#traceparent, () => ({
            name,
            kind: 'server',
            startedAt: this.receivedAt,
            attributes,
          }));
    this.trace = begun?.trace;
    this.#span = begun?.span;
    call.on('cancelled', () => {
      const reason = this.#reason();
      this.#controller.abort(reason);
      this.ended(this.failure(reason));
    });
  }

  get #traceparent(): string | undefined {
    const { traceparent } = this.request.headers;
    return typeof traceparent === 'string' ? traceparent : undefined;
  }

  /** Aborted when the client leaves or its time is up. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the call from this side: its runs end. */
  abort(reason: GolekError): void {
    this.#controller.abort(reason);
  }

  /** Finds out who calls. Throws `unauthenticated` and `permission_denied`. */
  async admit(): Promise<void> {
    const { authentication } = this.#deps;
    const refusal = authentication.refusal(this);
    if (refusal) throw refusal;
    this.principal = await authentication.admit(this, this.#scope);
  }

  /** Runs a request, one of several of a stream perhaps: then each has its own end, beside that of the call. `whole`: nothing of its answer is read before its end. */
  run(
    request: InferenceRequest,
    limits: { readonly timeoutMs: number | undefined; readonly maxTokens: number | undefined },
    whole = false,
  ): AsyncIterable<InferenceEvent> {
    const { engine, readOverrides } = this.#deps;
    const { headers } = this.request;
    const { hints, priority, timeoutMs, overrides } = readHints(headers, readOverrides);
    const asked = [timeoutMs, limits.timeoutMs].flatMap((ms) => (ms === undefined ? [] : performance.now() + ms));
    const deadline = Math.min(this.#deadline ?? Infinity, ...asked);
    const own = new AbortController();
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
      trace: this.trace,
      traceparent: this.#traceparent,
      hints,
      priority,
      deadline: Number.isFinite(deadline) ? deadline : undefined,
      defaultMaxTokens: limits.maxTokens,
      whole,
      overrides,
    });
    return engine.run(call, own);
  }

  /** Ends the span of the call, once; without a failure it was answered. */
  ended(failure?: Pick<ServiceError, 'code' | 'details'>): void {
    const span = this.#span;
    if (!span) return;
    const name = status[failure?.code ?? status.OK];
    const type = errorTypeOf(name);
    span.set(ATTR.rpcStatus, name);
    if (!failure || type === undefined) return span.end();
    span.set(ATTR.errorType, type);
    span.end({ type, message: failure.details });
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
