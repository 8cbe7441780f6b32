import type { EmbedRequest, InferenceEvent, RunContext } from '@golek/providers-spi';
import { bodyText } from './body-text.ts';
import { RunScope, type RunHost } from './run-scope.ts';
import { readEmbeddings } from './wire/read-embeddings.ts';
import { embedBody, type WireSettings } from './wire/request-body.ts';

/** One embed request: one answer that is read whole. */
export async function* embedRun(
  host: RunHost,
  settings: WireSettings,
  request: EmbedRequest,
  context: RunContext,
): AsyncGenerator<InferenceEvent, undefined, undefined> {
  const scope = new RunScope(host, context);
  try {
    const { exchange } = await scope.send(embedBody(request, host.model, settings), 'application/json');
    const { upstream, model } = host;
    const text = await bodyText(exchange);
    const events = readEmbeddings(text, request.inputs.length, request.dimensions, upstream.failureContext(model));
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
