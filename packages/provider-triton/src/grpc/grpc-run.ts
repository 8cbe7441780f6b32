import { GolekError, type InferenceEvent, type InferenceRequest, type RunContext } from '@golek/providers-spi';
import type { RunHost } from '@golek/providers-spi/remote';
import { callFailure } from './call-failure.ts';

/** Makes the events of a run; what it throws is told in terms of the upstream. */
export type GrpcWork = (ends: AbortSignal) => AsyncIterable<InferenceEvent>;

/** The life of one run over gRPC: its place among the others, its signal, and what a failure of it means. */
export async function* grpcRun(
  host: RunHost,
  request: InferenceRequest,
  { signal }: RunContext,
  work: GrpcWork,
): AsyncGenerator<InferenceEvent, undefined, undefined> {
  const own = new AbortController();
  const ends = AbortSignal.any([signal, own.signal]);
  const run = { abort: (reason: unknown): void => own.abort(reason) };
  const refusal = host.closed();
  if (refusal) throw refusal;
  if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
  host.refuse(request);
  host.runs.add(run);
  let placed = false;
  let working = false;
  try {
    await host.slots.take(ends);
    placed = true;
    ends.throwIfAborted();
    working = true;
    for await (const event of work(ends)) {
      ends.throwIfAborted();
      yield event;
    }
    ends.throwIfAborted();
    host.report(undefined);
  } catch (thrown) {
    if (ends.aborted) throw GolekError.from(ends.reason, 'cancelled');
    const error = callFailure(thrown, host.upstream.failureContext(host.model));
    if (working) host.report(error);
    throw error;
  } finally {
    host.runs.delete(run);
    if (placed) host.slots.give();
    own.abort(new GolekError('cancelled', 'the run has ended'));
  }
  return undefined;
}
