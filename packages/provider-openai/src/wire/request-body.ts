import type { EmbedRequest, GenerateRequest, JsonSchema, Sampling } from '@golek/providers-spi';
import type { RunRequest } from '@golek/providers-spi/remote';
import type { Dialect } from '../dialect.ts';
import { chatFields } from './chat-fields.ts';
import { strictSchema } from './strict-schema.ts';

/** How an upstream wants to be asked. */
export interface WireSettings {
  readonly dialect: Dialect;
  readonly stream: boolean;
  readonly streamUsage: boolean;
  readonly forwardUser: boolean;
  /** Further fields of every body. */
  readonly extra: Readonly<Record<string, unknown>>;
}

/** A request whose body is JSON text. */
export type WireRequest = RunRequest & { readonly body: string };

type Fields = Record<string, unknown>;

/** Neutral values of options that the upstream does not know fall away here; others were refused before. */
const samplingFields = (
  sampling: Sampling | undefined,
  { topK, minP, repeatPenalty, seed = 'seed' }: Dialect,
): Fields => ({
  temperature: sampling?.temperature,
  top_p: sampling?.topP,
  [seed]: sampling?.seed,
  frequency_penalty: sampling?.frequencyPenalty,
  presence_penalty: sampling?.presencePenalty,
  logit_bias: sampling?.logitBias,
  ...(topK !== undefined && { [topK]: sampling?.topK }),
  ...(minP !== undefined && { [minP]: sampling?.minP }),
  ...(repeatPenalty !== undefined && { [repeatPenalty]: sampling?.repeatPenalty }),
});

/** XTC, DRY and the length of the penalties, as llama.cpp names them. */
const llamaFields = (sampling: Sampling | undefined, { llamaSamplers }: Dialect): Fields => {
  if (!llamaSamplers || !sampling) return {};
  const { repeatLastTokens, xtc, dry } = sampling;
  return {
    repeat_last_n: repeatLastTokens,
    ...(xtc && { xtc_probability: xtc.probability, xtc_threshold: xtc.threshold }),
    ...(dry && {
      dry_multiplier: dry.multiplier,
      dry_base: dry.base,
      dry_allowed_length: dry.allowedLength,
      dry_penalty_last_n: dry.lastTokens,
      dry_sequence_breakers: dry.sequenceBreakers,
    }),
  };
};

/** What ends an answer and how much it thinks, where the service can be told. */
const furtherFields = (request: GenerateRequest, dialect: Dialect): Fields => {
  const { stopTokens, ignoreEos, reasoningEffort, reasoning, templateOptions } = dialect;
  const chat = request.input.type === 'chat' ? request.input : undefined;
  const effort = chat?.reasoning?.effort;
  return {
    ...(reasoning !== undefined && effort !== undefined && { [reasoning]: { effort } }),
    ...(stopTokens !== undefined && { [stopTokens]: request.stopTokens }),
    ...(ignoreEos !== undefined && { [ignoreEos]: request.ignoreEos }),
    ...(reasoningEffort !== undefined && { [reasoningEffort]: effort }),
    ...(templateOptions !== undefined && { [templateOptions]: chat?.templateOptions }),
  };
};

const schemaFormat = (name: string | undefined, schema: JsonSchema): Fields => ({
  response_format: { type: 'json_schema', json_schema: strictSchema(name, schema) },
});

const outputFields = ({ output }: GenerateRequest, { grammar, jsonBySchema }: Dialect): Fields => {
  switch (output?.type) {
    case 'json':
      return jsonBySchema ? schemaFormat(undefined, { type: 'object' }) : { response_format: { type: 'json_object' } };
    case 'json-schema':
      return schemaFormat(output.name, output.schema);
    case 'grammar':
      return grammar === undefined ? {} : { [grammar]: output.grammar };
    default:
      return {};
  }
};

const pathOf = (path: string, model: string, { deployments }: Dialect): string =>
  deployments ? `/deployments/${encodeURIComponent(model)}${path}` : path;

/** The body of a generate request; fields without a value are left out by JSON. */
export const generateBody = (request: GenerateRequest, model: string, settings: WireSettings): WireRequest => {
  const { dialect, stream, streamUsage, forwardUser, extra } = settings;
  const { input, logprobs } = request;
  const chat = input.type === 'chat';
  const common: Fields = {
    model,
    ...samplingFields(request.sampling, dialect),
    ...llamaFields(request.sampling, dialect),
    ...furtherFields(request, dialect),
    ...outputFields(request, dialect),
    stop: request.stop,
    n: request.choices,
    user: forwardUser ? request.user : undefined,
    stream: stream || undefined,
    stream_options: stream && streamUsage && dialect.streamOptions !== false ? { include_usage: true } : undefined,
  };
  const own: Fields = chat
    ? {
        ...chatFields(input, dialect),
        [dialect.maxTokens]: request.maxTokens,
        logprobs: logprobs && true,
        top_logprobs: logprobs && logprobs.top > 0 ? logprobs.top : undefined,
      }
    : {
        prompt: input.prompt,
        suffix: input.suffix,
        echo: input.echo,
        max_tokens: request.maxTokens,
        logprobs: logprobs?.top,
      };
  return {
    path: pathOf(chat ? '/chat/completions' : '/completions', model, dialect),
    body: JSON.stringify({ ...common, ...own, ...extra }),
    accept: stream ? 'text/event-stream' : 'application/json',
  };
};

export const embedBody = (
  request: EmbedRequest,
  model: string,
  { dialect, forwardUser, extra }: WireSettings,
): WireRequest => ({
  path: pathOf('/embeddings', model, dialect),
  accept: 'application/json',
  body: JSON.stringify({
    model,
    input: request.inputs,
    encoding_format: 'float',
    [dialect.dimensions ?? 'dimensions']: request.dimensions,
    user: forwardUser ? request.user : undefined,
    ...extra,
  }),
});
