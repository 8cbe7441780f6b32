import {
  GolekError,
  type EmbedRequest,
  type GenerateRequest,
  type InferenceEvent,
  type Sampling,
} from '@golek/providers-spi';
import type { RunRequest } from '@golek/providers-spi/remote';
import { chatFields } from './chat-fields.ts';

/** What goes with every request for a model. */
export interface WireSettings {
  readonly keepAlive: string | number | undefined;
  /** Ollama's options; those of a request come before them. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** How one answer is asked for. */
export interface GenerateSettings extends WireSettings {
  /** False: in one piece. */
  readonly stream: boolean;
}

type Fields = Record<string, unknown>;

const penalizes = ({ repeatPenalty = 1, frequencyPenalty = 0, presencePenalty = 0 }: Sampling): boolean =>
  repeatPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0;

/** Penalties count the whole answer unless a request says otherwise; Ollama's own default is 64 tokens. */
const penaltyWindow = (sampling: Sampling): number | undefined =>
  sampling.repeatLastTokens ?? (penalizes(sampling) ? -1 : undefined);

/** Fields without a value are left out by JSON. */
const optionFields = ({ sampling = {}, maxTokens, stop }: GenerateRequest, { parameters }: WireSettings): Fields => ({
  ...parameters,
  ...defined({
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    seed: sampling.seed,
    frequency_penalty: sampling.frequencyPenalty,
    presence_penalty: sampling.presencePenalty,
    repeat_penalty: sampling.repeatPenalty,
    repeat_last_n: penaltyWindow(sampling),
    num_predict: maxTokens,
    stop: stop?.length ? stop : undefined,
  }),
});

const defined = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

const formatOf = ({ output }: GenerateRequest): unknown => {
  if (output?.type === 'json') return 'json';
  return output?.type === 'json-schema' ? output.schema : undefined;
};

const LEVELS = {
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
  max: 'max',
} as const;

type ChatInput = Extract<GenerateRequest['input'], { type: 'chat' }>;

const thinkOf = ({ reasoning }: ChatInput, events: InferenceEvent[]): unknown => {
  if (!reasoning) return undefined;
  const { enabled, effort, budgetTokens } = reasoning;
  if (budgetTokens !== undefined) {
    events.push({ type: 'warning', message: 'the budget of thinking tokens is left out: an Ollama server takes none' });
  }
  if (enabled === false || effort === undefined) return enabled;
  const level = LEVELS[effort];
  if (level !== effort) {
    events.push({
      type: 'warning',
      message: `the reasoning effort '${effort}' is sent as '${level}', the nearest there`,
    });
  }
  return level;
};

/** An empty prompt means something else there: to load the model. */
const refuseEmpty = (prompt: string): string => {
  if (prompt !== '') return prompt;
  throw new GolekError('unsupported', 'an Ollama server continues no empty prompt; give it at least one character');
};

/** The body of a generate request. Adds a warning for what has no place in it. */
export const generateBody = (
  request: GenerateRequest,
  model: string,
  settings: GenerateSettings,
  events: InferenceEvent[],
): RunRequest => {
  const { input, logprobs } = request;
  const { stream } = settings;
  const common: Fields = {
    model,
    stream,
    format: formatOf(request),
    options: optionFields(request, settings),
    keep_alive: settings.keepAlive,
    // A conversation that does not fit is refused there, as it is here, in place of losing its beginning.
    truncate: false,
    shift: false,
    ...(logprobs && { logprobs: true, top_logprobs: logprobs.top }),
  };
  const accept = stream ? 'application/x-ndjson' : 'application/json';
  if (input.type === 'chat') {
    const { messages, tools } = chatFields(input, events);
    const rest = JSON.stringify({ ...common, tools, think: thinkOf(input, events) });
    return { path: '/api/chat', accept, body: `${rest.slice(0, -1)},"messages":${messages}}` };
  }
  const prompt = typeof input.prompt === 'string' ? refuseEmpty(input.prompt) : undefined;
  // The server puts a suffix into the model's own form, which a raw prompt has no place for.
  const form = input.suffix === undefined ? { raw: true } : { suffix: input.suffix };
  return { path: '/api/generate', accept, body: JSON.stringify({ ...common, prompt, ...form }) };
};

/** The body of an embed request. */
export const embedBody = (
  { inputs, dimensions }: EmbedRequest,
  model: string,
  { keepAlive, parameters }: WireSettings,
): RunRequest => ({
  path: '/api/embed',
  accept: 'application/json',
  body: JSON.stringify({
    model,
    input: inputs,
    dimensions,
    truncate: false,
    keep_alive: keepAlive,
    ...(Object.keys(parameters).length > 0 && { options: parameters }),
  }),
});
