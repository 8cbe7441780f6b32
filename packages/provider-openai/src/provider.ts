import {
  RemoteProvider,
  SseReader,
  StreamedRun,
  unaryRun,
  verifyListed,
  type RemoteModel,
  type UnaryPlan,
} from '@golek/providers-spi/remote';
import type { ModelSource, Provider, RequestOption } from '@golek/providers-spi';
import { DIALECTS } from './dialect.ts';
import { listUpstreamModels } from './list-models.ts';
import { modelOptionsOf, resolveOptions, type OpenAiProviderOptions, type ResolvedOptions } from './options.ts';
import { ChoicesReader } from './wire/choices-reader.ts';
import { readEmbeddings } from './wire/read-embeddings.ts';
import { embedBody, generateBody, type WireSettings } from './wire/request-body.ts';

/** Options that only one of the tasks has, so that a model is not said to take what none of its tasks knows. */
const EMBED_OPTIONS: ReadonlySet<RequestOption> = new Set(['input.tokens', 'dimensions']);

const optionsOf = (source: ModelSource, { dialect }: ResolvedOptions): readonly RequestOption[] => {
  const { tasks = ['generate'], options = DIALECTS[dialect].options } = modelOptionsOf(source);
  if (!tasks.includes('generate')) return options.filter((option) => EMBED_OPTIONS.has(option));
  return tasks.includes('embed') ? options : options.filter((option) => option !== 'dimensions');
};

/** How a model is asked. */
const runWith =
  (settings: WireSettings, maxLineBytes: number): RemoteModel['run'] =>
  (host, request, context) => {
    const { model, upstream } = host;
    if (request.task === 'generate') {
      const plan = {
        request,
        outgoing: () => generateBody(request, model, settings),
        answer: new ChoicesReader(request.choices ?? 1, context.id, upstream.failureContext(model)),
        records: new SseReader(maxLineBytes),
        streamType: settings.stream ? 'text/event-stream' : undefined,
      };
      return new StreamedRun(host, plan, context);
    }
    if (request.task !== 'embed') return undefined;
    const plan: UnaryPlan = {
      request,
      outgoing: () => embedBody(request, model, settings),
      read: (body, failures) => readEmbeddings(body.toString(), request.inputs.length, request.dimensions, failures),
    };
    return unaryRun(host, plan, context);
  };

/** Runs models of one OpenAI-compatible service. */
export const openAiProvider = (given: OpenAiProviderOptions): Provider => {
  const options = resolveOptions(given);
  const { stream, streamUsage, forwardUser, maxLineBytes, dialect, log } = options;
  return new RemoteProvider(options, {
    capabilities: { tasks: ['generate', 'embed'], formats: [] },
    describe: async (source, upstream, signal) => {
      const { verify, tasks = ['generate'], contextLength, embeddingLength, body = {} } = modelOptionsOf(source);
      if (verify === true) await verifyListed(source, upstream, listUpstreamModels, signal, log);
      const settings = { dialect: DIALECTS[dialect], stream, streamUsage, forwardUser, extra: body };
      return {
        tasks,
        options: optionsOf(source, options),
        contextLength,
        embeddingLength,
        run: runWith(settings, maxLineBytes),
      };
    },
  });
};
