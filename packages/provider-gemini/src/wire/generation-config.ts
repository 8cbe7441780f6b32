import type { GenerateRequest, InferenceEvent } from '@golek/providers-spi';
import type { GeminiModelOptions } from '../options.ts';

export type ChatInput = Extract<GenerateRequest['input'], { type: 'chat' }>;
type Reasoning = NonNullable<ChatInput['reasoning']>;
type Effort = NonNullable<Reasoning['effort']>;

/** What decides how thinking and schemas are said. */
export type ConfigSettings = Required<Pick<GeminiModelOptions, 'thinking' | 'schemas'>>;

const LEVELS: Readonly<Record<Effort, string>> = {
  minimal: 'MINIMAL',
  low: 'LOW',
  medium: 'MEDIUM',
  high: 'HIGH',
  xhigh: 'HIGH',
  max: 'HIGH',
};

/** Tokens, as Google's own OpenAI-compatible service translates efforts. */
const BUDGETS: Readonly<Record<Effort, number>> = {
  minimal: 1024,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 24_576,
  max: 24_576,
};

const warn = (message: string, events: InferenceEvent[]): void => {
  events.push({ type: 'warning', message });
};

/** How much to think in the way of the model: both ways at once are refused. */
const amountOf = (
  { enabled, effort, budgetTokens }: Reasoning,
  { thinking }: ConfigSettings,
  events: InferenceEvent[],
): object => {
  if (enabled === false) {
    if (thinking === 'budget') return { thinkingBudget: 0 };
    warn('models that are told a level always think: the least level is sent', events);
    return { thinkingLevel: 'MINIMAL' };
  }
  if (budgetTokens !== undefined) return { thinkingBudget: budgetTokens };
  if (effort === undefined) return {};
  if (effort === 'xhigh' || effort === 'max') {
    warn(`the effort '${effort}' is sent as 'high', the highest that the Gemini API has`, events);
  }
  return thinking === 'budget' ? { thinkingBudget: BUDGETS[effort] } : { thinkingLevel: LEVELS[effort] };
};

const thinkingConfig = (
  reasoning: Reasoning | undefined,
  settings: ConfigSettings,
  events: InferenceEvent[],
): object | undefined => {
  if (!reasoning) return undefined;
  const amount = amountOf(reasoning, settings, events);
  if (reasoning.enabled === true) return { includeThoughts: true, ...amount };
  return Object.keys(amount).length > 0 ? amount : undefined;
};

const formatOf = ({ output }: GenerateRequest, { schemas }: ConfigSettings): object => {
  if (output?.type !== 'json' && output?.type !== 'json-schema') return {};
  return {
    responseMimeType: 'application/json',
    ...(output.type === 'json-schema' && {
      [schemas === 'openapi' ? 'responseSchema' : 'responseJsonSchema']: output.schema,
    }),
  };
};

/** How the answer shall be made; fields without a value are left out by JSON. Adds warnings to the events. */
export const generationConfig = (
  request: GenerateRequest,
  settings: ConfigSettings,
  events: InferenceEvent[],
): Readonly<Record<string, unknown>> => {
  const { input, sampling, maxTokens, stop, choices = 1, logprobs } = request;
  return {
    temperature: sampling?.temperature,
    topP: sampling?.topP,
    // 0, which keeps all, is no number of tokens on this wire.
    topK: sampling?.topK === 0 ? undefined : sampling?.topK,
    // A signed 32-bit number there: the upper half goes as negative numbers.
    seed: sampling?.seed === undefined ? undefined : sampling.seed | 0,
    frequencyPenalty: sampling?.frequencyPenalty,
    presencePenalty: sampling?.presencePenalty,
    maxOutputTokens: maxTokens,
    stopSequences: stop,
    candidateCount: choices > 1 ? choices : undefined,
    ...(logprobs && { responseLogprobs: true, logprobs: logprobs.top === 0 ? undefined : logprobs.top }),
    ...formatOf(request, settings),
    thinkingConfig: input.type === 'chat' ? thinkingConfig(input.reasoning, settings, events) : undefined,
  };
};
