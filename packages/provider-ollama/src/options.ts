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
  resolveUpstream,
  type ResolvedUpstream,
  type UpstreamOptions,
} from '@golek/providers-spi/remote';

/** Settings of an Ollama server. `baseUrl` is its address, without `/api`. A key is sent as bearer token. Default id: `ollama`. */
export type OllamaProviderOptions = UpstreamOptions;

/** Settings of one model (`ModelSource.options`). What is left out is asked of the server. */
export interface OllamaModelOptions {
  /** What it does. Default: what the server says, else `[generate]`. */
  readonly tasks?: readonly ('generate' | 'embed')[];
  /** Tokens that prompt and answer may hold together. Default: `parameters.num_ctx`, else that of the model's Modelfile. */
  readonly contextLength?: number;
  /** Components of an embedding. */
  readonly embeddingLength?: number;
  /** Options of requests that it takes, by the names of the provider contract. Default: what the server says that the model can do. */
  readonly options?: readonly RequestOption[];
  /** How long the server keeps the model after a request, in Ollama's forms. Default: the server's own. */
  readonly keepAlive?: string | number;
  /** Ollama's options that go with every request, such as `num_ctx`. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** False: the server is not asked what the model is before the first request. Default true. */
  readonly discover?: boolean;
}

const MODEL_RULES: Readonly<Record<keyof OllamaModelOptions, OptionRule>> = {
  tasks: listRule(['generate', 'embed']),
  contextLength: integerRule(1, 100_000_000),
  embeddingLength: integerRule(1, 1_000_000),
  options: listRule(REQUEST_OPTIONS),
  keepAlive: {
    allows: (value) => (typeof value === 'string' && value !== '') || Number.isFinite(value),
    wanted: "a duration such as '5m' or a number of seconds",
  },
  parameters: objectRule('a map of options'),
  discover: booleanRule,
};

const KIND = { name: 'Ollama', id: 'ollama', rules: {}, example: 'http://127.0.0.1:11434' };

/** Throws `config_invalid` naming the key and its allowed values, for an unknown key the nearest known one. */
export const resolveOptions = (options: OllamaProviderOptions): ResolvedUpstream => resolveUpstream(options, KIND);

/** Throws `config_invalid`, as `resolveOptions` does. */
export const modelOptionsOf = ({ name, options = {} }: ModelSource): OllamaModelOptions => {
  checkOptions(options, MODEL_RULES, `options of the model '${name}'`);
  return options;
};
