import {
  checkOptions,
  REQUEST_OPTIONS,
  type ModelSource,
  type OptionRule,
  type RequestOption,
} from '@golek/providers-spi';
import {
  booleanRule,
  integerRule,
  listRule,
  objectRule,
  oneOfRule,
  resolveUpstream,
  type ResolvedUpstream,
  type UpstreamOptions,
} from '@golek/providers-spi/remote';

export const GEMINI_TASKS = ['generate', 'count', 'embed'] as const;
export type GeminiTask = (typeof GEMINI_TASKS)[number];

const THINKING = ['level', 'budget'] as const;
const SIGNATURES = ['required', 'optional'] as const;
const SCHEMAS = ['json-schema', 'openapi'] as const;

/**
 * Settings of an upstream. `baseUrl` holds the version of the path: `https://generativelanguage.googleapis.com/v1beta`. The key is sent as `x-goog-api-key`. Default
 * id: `gemini`.
 */
export interface GeminiProviderOptions extends UpstreamOptions {
  /** False: answers are asked for whole, for services that cannot stream. Default true. */
  readonly stream?: boolean;
}

/** Settings of one model (`ModelSource.options`). */
export interface GeminiModelOptions {
  /** What it does. Default: with `verify` what the service says, else `[generate, count]`. */
  readonly tasks?: readonly GeminiTask[];
  /** Tokens that prompt and answer may hold together. Default: with `verify` the service's limit of a prompt. */
  readonly contextLength?: number;
  /** Components of an embedding. */
  readonly embeddingLength?: number;
  /** How much to think is said by a `level`, as models since Gemini 3 want it, or by a `budget` for older ones. Default `level`. */
  readonly thinking?: (typeof THINKING)[number];
  /** `required`: calls of earlier turns that nobody signed are marked so that the service takes them all the same; models before Gemini 3 need no marks. Default `required`. */
  readonly signatures?: (typeof SIGNATURES)[number];
  /** Under which names schemas are sent: those for JSON Schema, or those for the subset of OpenAPI 3.0 that older services know. Default `json-schema`. */
  readonly schemas?: (typeof SCHEMAS)[number];
  /** Options of requests that it takes, by the names of the provider contract. Default: those of the API. */
  readonly options?: readonly RequestOption[];
  /** Fields that are added to every request's body, and within it to `generationConfig`; of an embedding model to each of its inputs. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** True: the upstream's list of models is asked what the model is. Default false: nothing is asked before the first request. */
  readonly verify?: boolean;
}

type Own = Omit<GeminiProviderOptions, keyof UpstreamOptions>;

/** Settings of an upstream with every default filled in. */
export type ResolvedOptions = ResolvedUpstream & Required<Own>;

const OWN_RULES: Readonly<Record<keyof Own, OptionRule>> = { stream: booleanRule };

const MODEL_RULES: Readonly<Record<keyof GeminiModelOptions, OptionRule>> = {
  tasks: listRule(GEMINI_TASKS),
  contextLength: integerRule(1, 100_000_000),
  embeddingLength: integerRule(1, 1_000_000),
  thinking: oneOfRule(THINKING),
  signatures: oneOfRule(SIGNATURES),
  schemas: oneOfRule(SCHEMAS),
  options: listRule(REQUEST_OPTIONS),
  body: objectRule('a map of fields'),
  verify: booleanRule,
};

const KIND = {
  name: 'Gemini',
  id: 'gemini',
  rules: OWN_RULES,
  example: 'https://generativelanguage.googleapis.com/v1beta',
};

/** Throws `config_invalid` naming the key and its allowed values, for an unknown key the nearest known one. */
export const resolveOptions = (options: GeminiProviderOptions): ResolvedOptions => ({
  ...resolveUpstream(options, KIND),
  stream: options.stream ?? true,
});

/** Throws `config_invalid`, as `resolveOptions` does. */
export const modelOptionsOf = ({ name, options = {} }: ModelSource): GeminiModelOptions => {
  checkOptions(options, MODEL_RULES, `options of the model '${name}'`);
  return options;
};

const EMBED_OPTIONS: readonly RequestOption[] = ['dimensions'];

const CHAT_OPTIONS: readonly RequestOption[] = [
  'input.chat',
  'input.image',
  'tools',
  'toolChoice',
  'reasoning.enabled',
  'reasoning.effort',
  'sampling.temperature',
  'sampling.topP',
  'sampling.topK',
  'sampling.seed',
  'sampling.frequencyPenalty',
  'sampling.presencePenalty',
  'output.json',
  'output.json-schema',
  'maxTokens',
  'stop',
  'choices',
  'logprobs',
];

/** What the API takes for these tasks. */
export const optionsOf = (tasks: readonly GeminiTask[]): readonly RequestOption[] => [
  ...(tasks.some((task) => task !== 'embed') ? CHAT_OPTIONS : []),
  ...(tasks.includes('embed') ? EMBED_OPTIONS : []),
];
