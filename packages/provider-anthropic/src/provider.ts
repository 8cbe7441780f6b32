import type { GenerateRequest, InferenceEvent, Provider } from '@golek/providers-spi';
import {
  asCount,
  asObject,
  errorObjectOf,
  malformedFailure,
  parseJson,
  RemoteProvider,
  reportedFailure,
  SseReader,
  StreamedRun,
  unaryRun,
  verifyListed,
  type FailureContext,
  type RemoteModel,
  type StreamPlan,
  type UnaryPlan,
} from '@golek/providers-spi/remote';
import { listUpstreamModels } from './list-models.ts';
import { modelOptionsOf, optionsOf, resolveOptions, type AnthropicProviderOptions } from './options.ts';
import { countBody, messageBody, type WireSettings } from './wire/message-body.ts';
import { MessageReader } from './wire/message-reader.ts';

/** Anthropic's own client streams what may take ten minutes: by its table, above so many tokens of the slowest models. */
const MOST_WHOLE_TOKENS = 8_192;

const mayTakeLong = (
  { maxTokens }: Pick<GenerateRequest, 'maxTokens'>,
  settings: Pick<WireSettings, 'maxTokens'>,
): boolean => (maxTokens ?? settings.maxTokens) > MOST_WHOLE_TOKENS;

const readCount = (text: string, context: FailureContext): InferenceEvent => {
  const json = parseJson(text);
  const error = errorObjectOf(json);
  if (error) throw reportedFailure(error, context);
  const tokens = asCount(asObject(json)?.['input_tokens']);
  if (tokens === undefined) throw malformedFailure("JSON without 'input_tokens'", text, context);
  return { type: 'count', tokens };
};

/** How a model is asked. */
const runWith =
  (settings: WireSettings, maxLineBytes: number): RemoteModel['run'] =>
  (host, request, context) => {
    const { model, upstream } = host;
    if (request.task === 'generate') {
      const stream = settings.stream && (context.wholeMs === undefined || mayTakeLong(request, settings));
      const plan: StreamPlan = {
        request,
        outgoing: (events) => messageBody(request, model, { ...settings, stream }, events),
        answer: new MessageReader(context.id, upstream.failureContext(model)),
        records: new SseReader(maxLineBytes),
        streamType: stream ? 'text/event-stream' : undefined,
      };
      return new StreamedRun(host, plan, context);
    }
    if (request.task !== 'count') return undefined;
    const warnings: InferenceEvent[] = [];
    const plan: UnaryPlan = {
      request,
      outgoing: () => countBody(request, model, settings, warnings),
      read: (body, failures) => [...warnings, readCount(body.toString(), failures)],
    };
    return unaryRun(host, plan, context);
  };

/** Runs models of one service with Anthropic's Messages API. */
export const anthropicProvider = (given: AnthropicProviderOptions): Provider => {
  const options = resolveOptions(given);
  const { version, betas, stream, forwardUser, maxLineBytes, log } = options;
  return new RemoteProvider(options, {
    capabilities: { tasks: ['generate', 'count'], formats: [] },
    credentials: (apiKey) => ({ 'x-api-key': apiKey }),
    headers: { 'anthropic-version': version, ...(betas.length > 0 && { 'anthropic-beta': betas.join(',') }) },
    list: async (upstream, signal) => (await listUpstreamModels(upstream, signal)).map((location) => ({ location })),
    describe: async (source, upstream, signal) => {
      const model = modelOptionsOf(source);
      if (model.verify === true) await verifyListed(source, upstream, listUpstreamModels, signal, log);
      const { maxTokens = 4096, thinking = 'adaptive', cache = 'off', body = {} } = model;
      return {
        tasks: model.tasks ?? ['generate', 'count'],
        options: model.options ?? optionsOf(options),
        whole: true,
        contextLength: model.contextLength,
        run: runWith({ stream, forwardUser, maxTokens, thinking, cache, body }, maxLineBytes),
      };
    },
  });
};
