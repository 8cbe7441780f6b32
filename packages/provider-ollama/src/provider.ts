import { GolekError, type Log, type ModelSource, type Provider } from '@golek/providers-spi';
import {
  LineReader,
  RemoteProvider,
  requestJson,
  StreamedRun,
  unaryRun,
  verifyListed,
  type RemoteModel,
  type StreamPlan,
  type Upstream,
} from '@golek/providers-spi/remote';
import { optionsOf, tasksOf } from './capabilities.ts';
import { listTags } from './list-tags.ts';
import { modelOptionsOf, resolveOptions, type OllamaModelOptions, type OllamaProviderOptions } from './options.ts';
import { readShown, type ShownModel } from './shown-model.ts';
import { AnswerObjects } from './wire/answer-objects.ts';
import { embedBody, generateBody, type WireSettings } from './wire/request-body.ts';
import { readEmbeddings } from './wire/read-embeddings.ts';

const UNKNOWN: ShownModel = { capabilities: undefined, loadedContext: undefined, manifest: {} };

/** Asks what a model is. Throws `model_not_found`. A server that cannot be asked proves nothing: the first request will tell. */
const show = async (
  source: ModelSource,
  upstream: Upstream,
  signal: AbortSignal,
  log: Log | undefined,
): Promise<ShownModel> => {
  const { name: model, location } = source;
  try {
    const body = JSON.stringify({ model: location });
    return readShown(await requestJson(upstream, { method: 'POST', path: '/api/show', body }, signal, location));
  } catch (error) {
    if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
    if (error instanceof GolekError && error.details?.['status'] === 404) {
      await verifyListed(source, upstream, listTags, signal, log);
    }
    log?.warn({ model, upstream: upstream.id, err: error }, 'the server does not say what the model is');
    return UNKNOWN;
  }
};

/** How a model is asked. */
const runWith =
  (settings: WireSettings, maxLineBytes: number): RemoteModel['run'] =>
  (host, request, context) => {
    const { model, upstream } = host;
    if (request.task === 'generate') {
      const stream = context.wholeMs === undefined;
      const plan: StreamPlan = {
        request,
        outgoing: (events) => generateBody(request, model, { ...settings, stream }, events),
        answer: new AnswerObjects(request, context.id, upstream.failureContext(model)),
        records: new LineReader(maxLineBytes),
        streamType: stream ? 'application/x-ndjson' : undefined,
      };
      return new StreamedRun(host, plan, context);
    }
    if (request.task !== 'embed') return undefined;
    return unaryRun(
      host,
      {
        request,
        outgoing: () => embedBody(request, model, settings),
        read: (body, failures) => readEmbeddings(body.toString(), request, failures),
      },
      context,
    );
  };

const settingsOf = ({ keepAlive, parameters = {} }: OllamaModelOptions): WireSettings => ({ keepAlive, parameters });

const contextOf = (
  { contextLength, parameters }: OllamaModelOptions,
  { loadedContext }: ShownModel,
): number | undefined => {
  const configured = parameters?.['num_ctx'];
  return contextLength ?? (typeof configured === 'number' && configured > 0 ? configured : loadedContext);
};

/** Runs models of one Ollama server. */
export const ollamaProvider = (given: OllamaProviderOptions): Provider => {
  const options = resolveOptions(given);
  const { maxLineBytes, log } = options;
  return new RemoteProvider(options, {
    capabilities: { tasks: ['generate', 'embed'], formats: [] },
    list: async (upstream, signal) => (await listTags(upstream, signal)).map((location) => ({ location })),
    describe: async (source, upstream, signal) => {
      const own = modelOptionsOf(source);
      const shown = own.discover === false ? UNKNOWN : await show(source, upstream, signal, log);
      const tasks = own.tasks ?? tasksOf(shown.capabilities);
      return {
        tasks,
        options: own.options ?? optionsOf(tasks, shown.capabilities),
        whole: true,
        contextLength: contextOf(own, shown),
        embeddingLength: own.embeddingLength,
        manifest: shown.manifest,
        run: runWith(settingsOf(own), maxLineBytes),
      };
    },
  });
};
