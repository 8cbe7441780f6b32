import {
  checkOptions,
  REQUEST_OPTIONS,
  type ModelSource,
  type OptionRule,
  type RequestOption,
  type Task,
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

const VERSIONS = ['2023-06-01', '2026-10-21'] as const;
const CACHES = ['off', '5m', '1h'] as const;
const THINKING = ['adaptive', 'budget'] as const;

/** Settings of an upstream. `baseUrl` holds the version of the path: `https://api.anthropic.com/v1`. The key is sent as `x-api-key`. Default id: `anthropic`. */
export interface AnthropicProviderOptions extends UpstreamOptions {
  /** `anthropic-version`. Default `2023-06-01`; the later one takes no sampling options. */
  readonly version?: (typeof VERSIONS)[number];
  /** Names for `anthropic-beta`. */
  readonly betas?: readonly string[];
  /** False: answers are asked for whole, for services that cannot stream. Default true. */
  readonly stream?: boolean;
  /** True: the caller's name of its own user is passed on. Default false. */
  readonly forwardUser?: boolean;
}

/** Settings of one model (`ModelSource.options`). */
export interface AnthropicModelOptions {
  /** What it does. Default `[generate, count]`. */
  readonly tasks?: readonly ('generate' | 'count')[];
  /** Tokens that prompt and answer may hold together. */
  readonly contextLength?: number;
  /** Most tokens of an answer where a request names no limit; the API wants one always. Default 4096. */
  readonly maxTokens?: number;
  /** How a request that wants thinking without a budget says so: `adaptive`, or `budget` for models that know budgets only. Default `adaptive`. */
  readonly thinking?: (typeof THINKING)[number];
  /** How long the service keeps the prompts of this model for later ones. Default `off`. */
  readonly cache?: (typeof CACHES)[number];
  /** Options of requests that it takes, by the names of the provider contract. Default: those of the API's version. */
  readonly options?: readonly RequestOption[];
  /** Fields that are added to every request's body. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** True: the upstream's list of models is asked whether it has the model. Default false: nothing is asked before the first request. */
  readonly verify?: boolean;
}

type Own = Omit<AnthropicProviderOptions, keyof UpstreamOptions>;

/** Settings of an upstream with every default filled in. */
export type ResolvedOptions = ResolvedUpstream & Required<Own>;

const OWN_RULES: Readonly<Record<keyof Own, OptionRule>> = {
  version: oneOfRule(VERSIONS),
  betas: {
    allows: (value) =>
      Array.isArray(value) && value.every((beta) => typeof beta === 'string' && /^[\w.-]+$/.test(beta)),
    wanted: 'a list of names of betas',
  },
  stream: booleanRule,
  forwardUser: booleanRule,
};

const MODEL_RULES: Readonly<Record<keyof AnthropicModelOptions, OptionRule>> = {
  tasks: listRule(['generate', 'count'] satisfies readonly Task[]),
  contextLength: integerRule(1, 100_000_000),
  maxTokens: integerRule(1, 10_000_000),
  thinking: oneOfRule(THINKING),
  cache: oneOfRule(CACHES),
  options: listRule(REQUEST_OPTIONS),
  body: objectRule('a map of fields'),
  verify: booleanRule,
};

const KIND = { name: 'Anthropic', id: 'anthropic', rules: OWN_RULES, example: 'https://api.anthropic.com/v1' };

/** Throws `config_invalid` naming the key and its allowed values, for an unknown key the nearest known one. */
export const resolveOptions = (options: AnthropicProviderOptions): ResolvedOptions => ({
  ...resolveUpstream(options, KIND),
  version: options.version ?? '2023-06-01',
  betas: options.betas ?? [],
  stream: options.stream ?? true,
  forwardUser: options.forwardUser ?? false,
});

/** Throws `config_invalid`, as `resolveOptions` does. */
export const modelOptionsOf = ({ name, options = {} }: ModelSource): AnthropicModelOptions => {
  checkOptions(options, MODEL_RULES, `options of the model '${name}'`);
  return options;
};

const OPTIONS: readonly RequestOption[] = [
  'input.chat',
  'input.image',
  'tools',
  'toolChoice',
  'parallelToolCalls',
  'reasoning.enabled',
  'reasoning.effort',
  'output.json-schema',
  'maxTokens',
  'stop',
];

/** What the API takes. */
export const optionsOf = ({ version }: ResolvedOptions): readonly RequestOption[] =>
  version === '2023-06-01' ? [...OPTIONS, 'sampling.temperature', 'sampling.topP', 'sampling.topK'] : OPTIONS;
