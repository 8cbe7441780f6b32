import { availableParallelism } from 'node:os';
import { GolekError, nearest, type Log } from '@golek/providers-spi';

/** Settings of one model (`ModelSource.options`); each overrides the provider's setting of the same name. */
export interface GgufModelOptions {
  /** Tokens that each sequence can hold. Default: what the model was trained for, at most 4096. */
  readonly contextSize?: number;
  /** Sequences that are generated at the same time, each with its own part of the KV cache. Default 4. */
  readonly parallel?: number;
  /** Most tokens that one step evaluates. Default 512. */
  readonly batchSize?: number;
  /** Threads that evaluate. Default: the cores that this process may use, less one. */
  readonly threads?: number;
  /** Layers that go to the GPU. Default `auto`: as many as fit. */
  readonly gpuLayers?: 'auto' | 'max' | number;
  /**
   * Default `auto`: off on the CPU, what llama.cpp chooses on a GPU. On the CPU it makes the numbers of a sequence depend on how its prompt
   * was cut and on what else runs, so that the same request may get another answer; it can be faster all the same.
   */
  readonly flashAttention?: 'auto' | boolean;
  /** Sequences that may wait for a place; further ones are refused with `overloaded`. Default 256. */
  readonly queueLimit?: number;
}

/** Settings of the provider, and of its models where a model has none of its own. */
export interface GgufProviderOptions extends GgufModelOptions {
  /** Id of the provider. Default `gguf`. */
  readonly id?: string;
  /** Back end. Default `auto`: the best one that works here, else the CPU. */
  readonly gpu?: 'auto' | false | 'cuda' | 'vulkan' | 'metal';
  /** Told what llama.cpp reports from warnings on, and when the CPU is used because no GPU back end works. */
  readonly log?: Log;
}

/** Settings with every default filled in, but for the context size, which depends on the model. */
export interface ResolvedOptions extends Required<Omit<GgufModelOptions, 'contextSize'>> {
  readonly contextSize: number | undefined;
}

interface Rule {
  readonly allows: (value: unknown) => boolean;
  /** What is allowed, to follow "must be". */
  readonly wanted: string;
}

const integer = (low: number, high: number, ...words: readonly string[]): Rule => ({
  allows: (value) =>
    words.includes(value as string) ||
    (Number.isInteger(value) && (value as number) >= low && (value as number) <= high),
  wanted: [...words.map((word) => `'${word}'`), `an integer from ${low} to ${high}`].join(' or '),
});

const oneOf = (...values: readonly unknown[]): Rule => ({
  allows: (value) => values.includes(value),
  wanted: `one of ${values.map((value) => JSON.stringify(value)).join(', ')}`,
});

const MODEL_RULES: Readonly<Record<keyof GgufModelOptions, Rule>> = {
  contextSize: integer(16, 10_000_000),
  parallel: integer(1, 256),
  batchSize: integer(16, 8192),
  threads: integer(1, 1024),
  gpuLayers: integer(0, 10_000, 'auto', 'max'),
  flashAttention: oneOf('auto', true, false),
  queueLimit: integer(0, 100_000),
};

const PROVIDER_RULES: Readonly<Record<keyof GgufProviderOptions, Rule>> = {
  ...MODEL_RULES,
  id: {
    allows: (value) => typeof value === 'string' && value.length > 0,
    wanted: 'a string with at least one character',
  },
  gpu: oneOf('auto', false, 'cuda', 'vulkan', 'metal'),
  log: { allows: (value) => typeof value === 'object' && value !== null, wanted: 'a logger' },
};

// By hand and not with a schema library: the engine process would pay 25 MB and 0.1 s for ten settings.
const check = (options: unknown, rules: Readonly<Record<string, Rule>>, what: string): void => {
  if (typeof options !== 'object' || options === null)
    throw invalid(what, '', `must be an object (got ${JSON.stringify(options)})`);
  for (const [key, value] of Object.entries(options)) {
    const rule = rules[key];
    if (!rule) {
      const hint = nearest(key, Object.keys(rules));
      throw invalid(
        what,
        key,
        `unknown key '${key}'${hint ? `; did you mean '${hint}'?` : `; known are ${Object.keys(rules).join(', ')}`}`,
      );
    }
    if (value !== undefined && !rule.allows(value))
      throw invalid(what, key, `'${key}' must be ${rule.wanted} (got ${JSON.stringify(value)})`);
  }
};

const invalid = (what: string, key: string, problem: string): GolekError =>
  new GolekError('config_invalid', `${what}: ${problem}`, { details: { key } });

/** Throws `config_invalid` naming the key and its allowed values, for an unknown key the nearest known one. */
export const checkProviderOptions = (options: GgufProviderOptions): void =>
  check(options, PROVIDER_RULES, 'options of the GGUF provider');

/** Joins a model's options with its provider's. Throws `config_invalid`, as `checkProviderOptions` does. */
export const resolveOptions = (
  provider: GgufProviderOptions,
  model: string,
  options: GgufModelOptions = {},
): ResolvedOptions => {
  check(options, MODEL_RULES, `options of the model '${model}'`);
  return {
    contextSize: options.contextSize ?? provider.contextSize,
    parallel: options.parallel ?? provider.parallel ?? 4,
    batchSize: options.batchSize ?? provider.batchSize ?? 512,
    threads: options.threads ?? provider.threads ?? Math.max(1, availableParallelism() - 1),
    gpuLayers: options.gpuLayers ?? provider.gpuLayers ?? 'auto',
    flashAttention: options.flashAttention ?? provider.flashAttention ?? 'auto',
    queueLimit: options.queueLimit ?? provider.queueLimit ?? 256,
  };
};

const DEFAULT_CONTEXT = 4096;

/** Tokens for each sequence. More than the model was trained for is allowed when asked for: some models can be extended. */
export const contextSizeFor = (options: ResolvedOptions, trained: number | undefined): number =>
  options.contextSize ?? Math.min(trained ?? DEFAULT_CONTEXT, DEFAULT_CONTEXT);
