import type { EmbedRequest, InferenceEvent, RunContext, Usage } from '@golek/providers-spi';
import { unaryRun, type RunHost } from '@golek/providers-spi/remote';
import { readEmbeddings } from './wire/read-embeddings.ts';
import { embedBody, type WireSettings } from './wire/request-body.ts';

/** Inputs that the service takes in one request. */
const BATCH = 100;

/** One after the other, so that a large request takes one connection as others do. */
export async function* embedRun(
  host: RunHost,
  request: EmbedRequest,
  settings: Pick<WireSettings, 'body'>,
  context: RunContext,
): AsyncGenerator<InferenceEvent, undefined, undefined> {
  let usage: Usage | undefined;
  for (let from = 0; from < request.inputs.length; from += BATCH) {
    const batch = { ...request, inputs: request.inputs.slice(from, from + BATCH) };
    const plan = {
      request: batch,
      outgoing: () => embedBody(batch, host.model, settings),
      read: (body: Buffer, failures: Parameters<typeof readEmbeddings>[2]) =>
        readEmbeddings(body.toString(), batch, failures),
    };
    for await (const event of unaryRun(host, plan, context)) {
      if (event.type === 'embedding') yield { ...event, index: event.index + from };
      else if (event.type === 'usage') usage = added(usage, event.usage);
    }
  }
  if (usage) yield { type: 'usage', usage };
  return undefined;
}

const added = (before: Usage | undefined, { promptTokens, completionTokens }: Usage): Usage => ({
  promptTokens: promptTokens + (before?.promptTokens ?? 0),
  completionTokens: completionTokens + (before?.completionTokens ?? 0),
});
