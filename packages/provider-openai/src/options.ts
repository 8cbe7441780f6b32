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
import { DIALECTS, type DialectName } from './dialect.ts';

/** Settings of an upstream. `baseUrl` holds the version: `https://api.openai.com/v1`. The key is sent as bearer token. Default id: `openai`. */
export interface OpenAiProviderOptions extends UpstreamOptions {
  /** What kind of service it is. Default `openai`. */
  readonly dialect?: DialectName;
  /** Sent as `OpenAI-Organization`. */
  readonly organization?: string;
  /** Sent as `OpenAI-Project`. */
  readonly project?: string;
  /** False: answers are asked for whole, for services that cannot stream. Default true. */
  readonly stream?: boolean;
  /** False: streams are asked for without token counts, for services that do not know `stream_options`. Default true. */
  readonly streamUsage?: boolean;
  /** True: the caller's name of its own user is passed on. Default false. */
  readonly forwardUser?: boolean;
}

const APIS = ['chat', 'responses'] as const;

/** Settings of one model (`ModelSource.options`). */
export interface OpenAiModelOptions {
  /** Which API its answers are asked of: `/chat/completions` with `/completions`, or `/responses`. Default `chat`. */
  readonly api?: (typeof APIS)[number];
  /** What it does. Default `[generate]`. */
  readonly tasks?: readonly ('generate' | 'embed')[];
  /** Tokens that prompt and answer may hold together; the upstream does not tell it. */
  readonly contextLength?: number;
  /** Components of an embedding. */
  readonly embeddingLength?: number;
  /** Options of requests that it takes, by the names of the provider contract. Default: those of the dialect. */
  readonly options?: readonly RequestOption[];
  /** Fields that are added to every request's body. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** True: the upstream's list of models is asked whether it has the model. Default false: nothing is asked before the first request. */
  readonly verify?: boolean;
}

type Own = Omit<OpenAiProviderOptions, keyof UpstreamOptions>;

/** Settings of an upstream with every default filled in. */
export type ResolvedOptions = ResolvedUpstream &
  Required<Omit<Own, 'organization' | 'project'>> &
  Pick<Own, 'organization' | 'project'>;

const headerText: OptionRule = {
  allows: (value) => typeof value === 'string' && /^[\x21-\x7e]{1,256}$/.test(value),
  wanted: 'printable ASCII characters without spaces, at most 256',
};

const OWN_RULES: Readonly<Record<keyof Own, OptionRule>> = {
  dialect: oneOfRule(Object.keys(DIALECTS)),
  organization: headerText,
  project: headerText,
  stream: booleanRule,
  streamUsage: booleanRule,
  forwardUser: booleanRule,
};

const MODEL_RULES: Readonly<Record<keyof OpenAiModelOptions, OptionRule>> = {
  api: oneOfRule(APIS),
  tasks: listRule(['generate', 'embed'] satisfies readonly Task[]),
  contextLength: integerRule(1, 100_000_000),
  embeddingLength: integerRule(1, 1_000_000),
  options: listRule(REQUEST_OPTIONS),
  body: objectRule('a map of fields'),
  verify: booleanRule,
};

const KIND = { name: 'OpenAI', id: 'openai', rules: OWN_RULES, example: 'https://api.openai.com/v1' };

/** Throws `config_invalid` naming the key and its allowed values, for an unknown key the nearest known one. */
export const resolveOptions = (options: OpenAiProviderOptions): ResolvedOptions => ({
  ...resolveUpstream(options, KIND),
  dialect: options.dialect ?? 'openai',
  stream: options.stream ?? true,
  streamUsage: options.streamUsage ?? true,
  forwardUser: options.forwardUser ?? false,
  ...(options.organization !== undefined && { organization: options.organization }),
  ...(options.project !== undefined && { project: options.project }),
});

/** Throws `config_invalid`, as `resolveOptions` does. */
export const modelOptionsOf = ({ name, options = {} }: ModelSource): OpenAiModelOptions => {
  checkOptions(options, MODEL_RULES, `options of the model '${name}'`);
  return options;
};
