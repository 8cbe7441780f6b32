import type { InferenceEvent, ModelSource, Provider } from '@golek/providers-spi';
import {
  answerJson,
  asCount,
  asObject,
  malformedFailure,
  RemoteProvider,
  SseReader,
  StreamedRun,
  unaryRun,
  verifyListed,
  type FailureContext,
  type RemoteModel,
  type StreamPlan,
  type UnaryPlan,
  type Upstream,
} from '@golek/providers-spi/remote';
import { embedRun } from './embed-run.ts';
import { listUpstreamModels, type ListedModel } from './list-models.ts';
import { nameOf, resourceOf } from './model-resource.ts';
import {
  GEMINI_TASKS,
  modelOptionsOf,
  optionsOf,
  resolveOptions,
  type GeminiProviderOptions,
  type ResolvedOptions,
} from './options.ts';
import { CandidatesReader } from './wire/candidates-reader.ts';
import { countBody, generateBody, type WireSettings } from './wire/request-body.ts';

const readCount = (text: string, context: FailureContext): InferenceEvent => {
  const json = answerJson(text, context);
  const tokens = asCount(asObject(json)?.['totalTokens']);
  if (tokens === undefined) throw malformedFailure("JSON without 'totalTokens'", text, context);
  return { type: 'count', tokens };
};

/** How a model is asked. */
const runWith =
  (settings: WireSettings, maxLineBytes: number): RemoteModel['run'] =>
  (host, request, context) => {
    const { model, upstream } = host;
    if (request.task === 'generate') {
      const stream = settings.stream && context.wholeMs === undefined;
      const plan: StreamPlan = {
        request,
        outgoing: (events) => generateBody(request, model, { ...settings, stream }, events),
        answer: new CandidatesReader(request.choices ?? 1, context.id, upstream.failureContext(model)),
        records: new SseReader(maxLineBytes),
        streamType: stream ? 'text/event-stream' : undefined,
      };
      return new StreamedRun(host, plan, context);
    }
    if (request.task === 'embed') return embedRun(host, request, settings, context);
    if (request.task !== 'count') return undefined;
    const warnings: InferenceEvent[] = [];
    const plan: UnaryPlan = {
      request,
      outgoing: () => countBody(request, model, settings, warnings),
      read: (body, failures) => [...warnings, readCount(body.toString(), failures)],
    };
    return unaryRun(host, plan, context);
  };

/** What the upstream's list says of a model. Throws `model_not_found`; undefined where the list cannot be had. */
const find = async (
  source: ModelSource,
  upstream: Upstream,
  signal: AbortSignal,
  { log }: ResolvedOptions,
): Promise<ListedModel | undefined> => {
  const [collection = ''] = resourceOf(source.location).split('/');
  const location = nameOf(source.location);
  let models: readonly ListedModel[] = [];
  const list = async (): Promise<readonly string[]> => {
    models = await listUpstreamModels(collection, upstream, signal);
    return models.map(({ name }) => name);
  };
  await verifyListed({ ...source, location }, upstream, list, signal, log);
  return models.find(({ name }) => name === location);
};

/** Runs models of one service with Google's Gemini API. */
export const geminiProvider = (given: GeminiProviderOptions): Provider => {
  const options = resolveOptions(given);
  const { stream, maxLineBytes } = options;
  return new RemoteProvider(options, {
    capabilities: { tasks: [...GEMINI_TASKS], formats: [] },
    credentials: (apiKey) => ({ 'x-goog-api-key': apiKey }),
    list: async (upstream, signal) =>
      (await listUpstreamModels('models', upstream, signal))
        // Models for pictures, video or speech only have methods of their own.
        .filter(({ tasks }) => tasks?.length !== 0)
        .map(({ name, tasks, inputTokenLimit }) => ({
          location: name,
          options: {
            ...(tasks && { tasks }),
            ...(inputTokenLimit !== undefined && { contextLength: inputTokenLimit }),
          },
        })),
    describe: async (source, upstream, signal) => {
      const model = modelOptionsOf(source);
      const listed = model.verify === true ? await find(source, upstream, signal, options) : undefined;
      const { thinking = 'level', signatures = 'required', schemas = 'json-schema', body = {} } = model;
      const tasks = model.tasks ?? (listed?.tasks && listed.tasks.length > 0 ? listed.tasks : ['generate', 'count']);
      return {
        tasks,
        options: model.options ?? optionsOf(tasks),
        whole: true,
        contextLength: model.contextLength ?? listed?.inputTokenLimit,
        embeddingLength: model.embeddingLength,
        run: runWith({ stream, thinking, signatures, schemas, body }, maxLineBytes),
      };
    },
  });
};
