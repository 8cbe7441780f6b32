import type { CountRequest, EmbedRequest, GenerateRequest, InferenceEvent, Tool } from '@golek/providers-spi';
import { asObject, type RunRequest } from '@golek/providers-spi/remote';
import { resourceOf, resourcePath } from '../model-resource.ts';
import type { GeminiModelOptions, ResolvedOptions } from '../options.ts';
import { conversationOf } from './conversation.ts';
import { generationConfig, type ChatInput } from './generation-config.ts';

/** How an upstream wants to be asked. */
export interface WireSettings
  extends
    Pick<ResolvedOptions, 'stream'>,
    Required<Pick<GeminiModelOptions, 'thinking' | 'signatures' | 'schemas' | 'body'>> {}

type Fields = Record<string, unknown>;

/** A request whose body is JSON text. */
type WireRequest = RunRequest & { readonly body: string };

/** `VALIDATED` holds what is called to the schemas, as `strict` wants it; `ANY` does so anyway. */
const callingConfig = ({ tools, toolChoice }: ChatInput): object | undefined => {
  switch (toolChoice?.type) {
    case 'none':
      return { mode: 'NONE' };
    case 'required':
      return { mode: 'ANY' };
    case 'tool':
      return { mode: 'ANY', allowedFunctionNames: [toolChoice.name] };
    default:
      if (tools?.some(({ strict }) => strict === true) === true) return { mode: 'VALIDATED' };
      return toolChoice && { mode: 'AUTO' };
  }
};

const declarationOf = (
  { name, description, parameters }: Tool,
  { schemas }: Pick<WireSettings, 'schemas'>,
): object => ({
  name,
  description,
  [schemas === 'openapi' ? 'parameters' : 'parametersJsonSchema']: parameters,
});

/** A choice among no tools is refused, so it goes with tools only. */
const toolFields = (input: ChatInput, settings: WireSettings): Fields => {
  if (!input.tools?.length) return {};
  const functionCallingConfig = callingConfig(input);
  return {
    tools: [{ functionDeclarations: input.tools.map((tool) => declarationOf(tool, settings)) }],
    ...(functionCallingConfig && { toolConfig: { functionCallingConfig } }),
  };
};

const promptFields = (input: ChatInput, settings: WireSettings, events: InferenceEvent[]): Fields => ({
  ...conversationOf(input.messages, settings.signatures === 'required', events),
  ...toolFields(input, settings),
});

/** The body of a generate request whose input is a chat; fields without a value are left out by JSON. Adds warnings to the events. */
export const generateBody = (
  request: GenerateRequest,
  model: string,
  settings: WireSettings,
  events: InferenceEvent[],
): WireRequest => {
  const { stream, body } = settings;
  return {
    path: `${resourcePath(model)}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    accept: stream ? 'text/event-stream' : 'application/json',
    body: JSON.stringify({
      // Other inputs are refused before, by their option.
      ...promptFields(request.input as ChatInput, settings, events),
      ...body,
      generationConfig: { ...generationConfig(request, settings, events), ...asObject(body['generationConfig']) },
    }),
  };
};

/** The body of a count: what is said and offered, nothing about the answer. */
export const countBody = (
  { input }: CountRequest,
  model: string,
  settings: WireSettings,
  events: InferenceEvent[],
): WireRequest => ({
  path: `${resourcePath(model)}:countTokens`,
  accept: 'application/json',
  body: JSON.stringify({
    generateContentRequest: { model: resourceOf(model), ...promptFields(input as ChatInput, settings, events) },
  }),
});

/** The body of one batch of embeddings. */
export const embedBody = (
  { inputs, dimensions }: EmbedRequest,
  model: string,
  { body }: Pick<WireSettings, 'body'>,
): WireRequest => ({
  path: `${resourcePath(model)}:batchEmbedContents`,
  accept: 'application/json',
  body: JSON.stringify({
    requests: inputs.map((text) => ({
      model: resourceOf(model),
      content: { parts: [{ text }] },
      outputDimensionality: dimensions,
      ...body,
    })),
  }),
});
