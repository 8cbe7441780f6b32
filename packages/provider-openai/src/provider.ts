import {
  RemoteProvider,
  SseReader,
  StreamedRun,
  unaryRun,
  verifyListed,
  type RemoteModel,
  type UnaryPlan,
} from '@golek/providers-spi/remote';
import { invalidOption, type ModelSource, type Provider, type RequestOption } from '@golek/providers-spi';
import { DIALECTS, type Dialect } from './dialect.ts';
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
      const { wholeMs } = context;
      const stream = settings.stream && wholeMs === undefined;
      const plan = {
        request,
        outgoing: () => ({ ...generateBody(request, model, { ...settings, stream }), answerMs: wholeMs }),
        answer: new ChoicesReader(request.choices ?? 1, context.id, upstream.failureContext(model)),
        records: new SseReader(maxLineBytes),
        streamType: stream ? 'text/event-stream' : undefined,
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
  const { stream, streamUsage, forwardUser, maxLineBytes, log, organization, project } = options;
  const dialect: Dialect = DIALECTS[options.dialect];
  const { keyHeader } = dialect;
  return new RemoteProvider(options, {
    ...(keyHeader !== undefined && { credentials: (apiKey: string) => ({ [keyHeader]: apiKey }) }),
    headers: {
      ...(organization !== undefined && { 'openai-organization': organization }),
      ...(project !== undefined && { 'openai-project': project }),
    },
    capabilities: { tasks: ['generate', 'embed'], formats: [] },
    describe: async (source, upstream, signal) => {
      const { verify, tasks = ['generate'], contextLength, embeddingLength, body = {} } = modelOptionsOf(source);
      if (verify === true && dialect.deployments)
        throw invalidOption(
          `options of the model '${source.name}'`,
          'verify',
          `'verify' needs a list of models, and the dialect '${options.dialect}' has none of its deployments; leave it out`,
        );
      if (verify === true) await verifyListed(source, upstream, listUpstreamModels, signal, log);
      const settings = { dialect, stream, streamUsage, forwardUser, extra: body };
      return {
        tasks,
        options: optionsOf(source, options),
        whole: true,
        contextLength,
        embeddingLength,
        run: runWith(settings, maxLineBytes),
      };
    },
  });
};
