import type { InferenceEvent, InferenceRequest } from '@golek/api';
import type { RunContext } from '../provider.ts';
import { bodyBytes } from './body-bytes.ts';
import type { ResponseHead } from './exchange.ts';
import { RunScope, type RunHost, type RunRequest } from './run-scope.ts';
import type { FailureContext } from './upstream-failure.ts';

/** One request whose answer is read whole. */
export interface UnaryPlan {
  readonly request: InferenceRequest;
  /** Canonical → wire; called once, when the first event is asked for. */
  readonly outgoing: () => RunRequest;
  /** Wire → canonical. Throws GolekError for what is no answer. */
  readonly read: (body: Buffer, context: FailureContext, head: ResponseHead) => readonly InferenceEvent[];
}

/** One request of a task that is answered in one piece, such as embeddings. */
export async function* unaryRun(
  host: RunHost,
  { request, outgoing, read }: UnaryPlan,
  context: RunContext,
): AsyncGenerator<InferenceEvent, undefined, undefined> {
  const scope = new RunScope(host, context);
  try {
    host.refuse(request);
    const { exchange, head } = await scope.send(outgoing());
    const events = read(await bodyBytes(exchange), host.upstream.failureContext(host.model), head);
    scope.received();
    for (const event of events) {
      scope.throwIfAborted();
      yield event;
    }
    scope.close();
  } catch (thrown) {
    throw scope.fail(thrown);
  } finally {
    scope.leave();
  }
  return undefined;
}
