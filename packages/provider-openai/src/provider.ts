import {
  RemoteProvider,
  SseReader,
  StreamedRun,
  unaryRun,
  verifyListed,
  type AnswerReader,
  type FailureContext,
  type RemoteModel,
  type StreamPlan,
  type UnaryPlan,
} from '@golek/providers-spi/remote';
import type { GenerateRequest, InferenceEvent, Provider } from '@golek/providers-spi';
import { DIALECTS, type Dialect } from './dialect.ts';
import { describeUpstreamModels, listUpstreamModels } from './list-models.ts';
import { modelPlan, type ModelPlan } from './model-plan.ts';
import { resolveOptions, type OpenAiProviderOptions } from './options.ts';
import { ChoicesReader } from './wire/choices-reader.ts';
import { readEmbeddings } from './wire/read-embeddings.ts';
import { embedBody, generateBody, type WireRequest, type WireSettings } from './wire/request-body.ts';
import { responseBody } from './wire/responses/response-body.ts';
import { ResponseReader } from './wire/responses/response-reader.ts';

/** One of the APIs by which answers are asked for. */
interface AnswerApi {
  body(request: GenerateRequest, model: string, settings: WireSettings, events: InferenceEvent[]): WireRequest;
  reader(request: GenerateRequest, runId: string, failures: FailureContext): AnswerReader;
}

const APIS: Readonly<Record<ModelPlan['api'], AnswerApi>> = {
  chat: {
    body: generateBody,
    reader: ({ choices = 1 }, runId, failures) => new ChoicesReader(choices, runId, failures),
  },
  responses: { body: responseBody, reader: (_, runId, failures) => new ResponseReader(runId, failures) },
};

/** How a model is asked. */
const runWith =
  (api: AnswerApi, settings: WireSettings, maxLineBytes: number): RemoteModel['run'] =>
  (host, request, context) => {
    const { model, upstream } = host;
    if (request.task === 'generate') {
      const stream = settings.stream && context.wholeMs === undefined;
      const plan: StreamPlan = {
        request,
        outgoing: (events) => api.body(request, model, { ...settings, stream }, events),
        answer: api.reader(request, context.id, upstream.failureContext(model)),
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
    list: dialect.deployments ? undefined : describeUpstreamModels,
    describe: async (source, upstream, signal) => {
      const { api, body: extra, verify, ...model } = modelPlan(source, options.dialect);
      if (verify) await verifyListed(source, upstream, listUpstreamModels, signal, log);
      const settings = { dialect, stream, streamUsage, forwardUser, extra };
      return { ...model, whole: true, run: runWith(APIS[api], settings, maxLineBytes) };
    },
  });
};
