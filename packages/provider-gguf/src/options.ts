import path from 'node:path';
import { checkOptions, type Log, type OptionRule } from '@golek/providers-spi';
import { chooseThreads } from '@golek/providers-spi/machine';
import { POOLINGS, type Pooling } from './pooling.ts';
import { isKvCacheType, KV_TYPES } from './kv-cache-type.ts';

/** A LoRA adapter that requests may choose. */
export interface AdapterSource {
  /** Its GGUF file. */
  readonly path: string;
  /** Strength of its changes where a request names none. Default 1. */
  readonly scale?: number;
}

/** Settings of one model (`ModelSource.options`); each overrides the provider's setting of the same name. */
export interface GgufModelOptions {
  /** Tokens that each sequence can hold. Default: what the model was trained for, at most 4096. */
  readonly contextSize?: number;
  /** Sequences that are generated at the same time, each with its own part of the KV cache. Default 4. */
  readonly parallel?: number;
  /** Most tokens that one step evaluates. Default 512. */
  readonly batchSize?: number;
  /** Threads that evaluate. Default: the physical cores that this process may use, less one. */
  readonly threads?: number;
  /** Layers that go to the GPU. Default `auto`: as many as fit. */
  readonly gpuLayers?: 'auto' | 'max' | number;
  /**
   * Default `auto`: off on the CPU, what llama.cpp chooses on a GPU. On the CPU it makes the numbers of a sequence depend on how its prompt
   * was cut and on what else runs, so that the same request may get another answer; it can be faster all the same.
   */
  readonly flashAttention?: 'auto' | boolean;
  /**
   * Type of the KV cache, or `KEYS/VALUES` for two: `f16` (default), `f32`, `bf16`, `q8_0`, `q5_1`, `q5_0`, `q4_1`, `q4_0`, `iq4_nl`. Quantised values need
   * flash attention.
   */
  readonly kvCacheType?: string;
  /** Weights are mapped from the file, so that the system can drop and reread them, and engines share them. Default `auto`: yes, but where a GPU is better off without. */
  readonly mmap?: 'auto' | boolean;
  /** Keep the weights in memory, never swapped or dropped; what the system does not allow is reported to the log. Default false. */
  readonly mlock?: boolean;
  /** Of a model with sliding-window attention: keep the whole context instead of the window, so that prompts are reused from any place, for more memory. Default false. */
  readonly swaFullCache?: boolean;
  /** How the vectors of an input's tokens become one: `mean`, `cls`, `last`, or `rank` for a model that scores. Default: what the file says. */
  readonly pooling?: Pooling;
  /** LoRA adapters by name, loaded with the model; a request says which of them it uses. Default: none. */
  readonly adapters?: Readonly<Record<string, AdapterSource>>;
  /**
   * How steps are made: `batch` (default) by Golek's own scheduler, `evaluate` by the binding's public interface: slower when several run, and without exact
   * log-probabilities, adapters and answers that ignore their end. Where the installed binding does not allow the first, the second is taken.
   */
  readonly scheduler?: 'batch' | 'evaluate';
  /** Sequences that may wait for a place; further ones are refused with `overloaded`. Default 256. */
  readonly queueLimit?: number;
  /**
   * Guess tokens and evaluate several at once where the measured share of right guesses makes that faster: `prompt-lookup` from the text so far, `draft-model` with
   * a small model. The answers are the same. Default `off`.
   */
  readonly speculation?: 'off' | 'prompt-lookup' | 'draft-model';
  /** The small model's GGUF file, an absolute path; it has the same vocabulary. */
  readonly draftModel?: string;
  /**
   * Who may go on from what the cache holds of a prompt: requests of the same `tenant` (default), or `all`. With `all` a tenant can tell by
   * the time of an answer whether another one has sent the same beginning.
   */
  readonly prefixSharing?: 'tenant' | 'all';
  /** Most bytes of saved prefix states in `prefixCacheDir`, of all models and processes together, as this model keeps to it; 0: it saves none. Default 1 GiB. */
  readonly prefixCacheBytes?: number;
  /**
   * When an answer fills the context: `error` (default) ends it with `length`, `shift` discards the oldest tokens and goes on, with a
   * warning in the stream. A prompt that does not fit is an error in both.
   */
  readonly contextOverflow?: 'error' | 'shift';
  /** Tokens at the start that a shift never discards, at most half of the context. Default: the prompt. */
  readonly keepTokens?: number;
}

/** Settings of the provider, and of its models where a model has none of its own. */
export interface GgufProviderOptions extends Omit<GgufModelOptions, 'adapters'> {
  /** Id of the provider. Default `gguf`. */
  readonly id?: string;
  /** Back end. Default `auto`: the best one that works here, else the CPU. */
  readonly gpu?: 'auto' | false | 'cuda' | 'vulkan' | 'metal';
  /** Absolute path of an own build of the native addon, as `golek engine build` makes it. Default: the binary that comes with node-llama-cpp. */
  readonly binary?: string;
  /**
   * Absolute path of the thread addon that `golek engine build` makes, or false. With it, engine threads live as long as their model, where llama.cpp starts and
   * joins them for every token otherwise, which matters from two threads on; and prompts are evaluated in larger pieces, because an abort can interrupt one. Default: the
   * one in this package's `native` folder, where there is one.
   */
  readonly nativeThreads?: string | false;
  /**
   * Models that are busy at once divide the processors: each has fewer threads while others work, at least one. Default true; false: each has its own `threads` whatever others do.
   */
  readonly shareThreads?: boolean;
  /** Absolute path of a folder for prefix states that outlive a process; made when missing, for its owner only. Default: none are saved. */
  readonly prefixCacheDir?: string;
  /** Told what llama.cpp reports from warnings on, and when the CPU is used because no GPU back end works. */
  readonly log?: Log;
}

/** Settings with every default filled in, but for the context size, which depends on the model. */
export interface ResolvedOptions extends Required<
  Omit<GgufModelOptions, 'contextSize' | 'pooling' | 'keepTokens' | 'draftModel'>
> {
  readonly keepTokens: number | undefined;
  readonly contextSize: number | undefined;
  readonly pooling: Pooling | undefined;
  readonly draftModel: string | undefined;
}

const integer = (low: number, high: number, ...words: readonly string[]): OptionRule => ({
  allows: (value) =>
    words.includes(value as string) ||
    (Number.isInteger(value) && (value as number) >= low && (value as number) <= high),
  wanted: [...words.map((word) => `'${word}'`), `an integer from ${low} to ${high}`].join(' or '),
});

const oneOf = (...values: readonly unknown[]): OptionRule => ({
  allows: (value) => values.includes(value),
  wanted: `one of ${values.map((value) => JSON.stringify(value)).join(', ')}`,
});

const MAX_ADAPTERS = 64;

const isAdapter = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  const { path: file, scale = 1, ...others } = value as Record<string, unknown>;
  if (typeof file !== 'string' || file === '' || Object.keys(others).length > 0) return false;
  return typeof scale === 'number' && Math.abs(scale) <= 100;
};

const isAdapters = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  const named = entries.every(([name]) => name.length > 0 && name.length <= 256);
  return entries.length <= MAX_ADAPTERS && named && entries.every(([, adapter]) => isAdapter(adapter));
};

const absolutePath: OptionRule = {
  allows: (value) => typeof value === 'string' && path.isAbsolute(value),
  wanted: 'an absolute path',
};

const MODEL_RULES: Readonly<Record<keyof GgufModelOptions, OptionRule>> = {
  contextSize: integer(16, 10_000_000),
  parallel: integer(1, 256),
  batchSize: integer(16, 8192),
  threads: integer(1, 1024),
  gpuLayers: integer(0, 10_000, 'auto', 'max'),
  flashAttention: oneOf('auto', true, false),
  kvCacheType: {
    allows: isKvCacheType,
    wanted: `one of ${KV_TYPES.join(', ')}, or two of them as KEYS/VALUES, such as 'q8_0/f16'`,
  },
  mmap: oneOf('auto', true, false),
  mlock: oneOf(true, false),
  swaFullCache: oneOf(true, false),
  pooling: oneOf(...POOLINGS),
  adapters: {
    allows: (value) => isAdapters(value),
    wanted: `a map from at most ${MAX_ADAPTERS} names (of 1 to 256 characters) to { path, scale? }, the scale a number from -100 to 100`,
  },
  scheduler: oneOf('batch', 'evaluate'),
  queueLimit: integer(0, 100_000),
  speculation: oneOf('off', 'prompt-lookup', 'draft-model'),
  draftModel: absolutePath,
  prefixSharing: oneOf('tenant', 'all'),
  prefixCacheBytes: integer(0, Number.MAX_SAFE_INTEGER),
  contextOverflow: oneOf('error', 'shift'),
  keepTokens: integer(0, 10_000_000),
};

const { adapters: _, ...SHARED_RULES } = MODEL_RULES;

const PROVIDER_RULES: Readonly<Record<keyof GgufProviderOptions, OptionRule>> = {
  ...SHARED_RULES,
  id: {
    allows: (value) => typeof value === 'string' && value.length > 0,
    wanted: 'a string with at least one character',
  },
  gpu: oneOf('auto', false, 'cuda', 'vulkan', 'metal'),
  binary: absolutePath,
  nativeThreads: {
    allows: (value) => value === false || (typeof value === 'string' && path.isAbsolute(value)),
    wanted: 'an absolute path or false',
  },
  shareThreads: oneOf(true, false),
  prefixCacheDir: absolutePath,
  log: { allows: (value) => typeof value === 'object' && value !== null, wanted: 'a logger' },
};

/** Throws `config_invalid` naming the key and its allowed values, for an unknown key the nearest known one. */
export const checkProviderOptions = (options: GgufProviderOptions): void =>
  checkOptions(options, PROVIDER_RULES, 'options of the GGUF provider');

/** Joins a model's options with its provider's. Throws `config_invalid`, as `checkProviderOptions` does. */
export const resolveOptions = (
  provider: GgufProviderOptions,
  model: string,
  options: GgufModelOptions = {},
): ResolvedOptions => {
  checkOptions(options, MODEL_RULES, `options of the model '${model}'`);
  return {
    contextSize: options.contextSize ?? provider.contextSize,
    parallel: options.parallel ?? provider.parallel ?? 4,
    batchSize: options.batchSize ?? provider.batchSize ?? 512,
    threads: options.threads ?? provider.threads ?? chooseThreads().threads,
    gpuLayers: options.gpuLayers ?? provider.gpuLayers ?? 'auto',
    flashAttention: options.flashAttention ?? provider.flashAttention ?? 'auto',
    kvCacheType: options.kvCacheType ?? provider.kvCacheType ?? 'f16',
    mmap: options.mmap ?? provider.mmap ?? 'auto',
    mlock: options.mlock ?? provider.mlock ?? false,
    swaFullCache: options.swaFullCache ?? provider.swaFullCache ?? false,
    pooling: options.pooling ?? provider.pooling,
    adapters: options.adapters ?? {},
    scheduler: options.scheduler ?? provider.scheduler ?? 'batch',
    queueLimit: options.queueLimit ?? provider.queueLimit ?? 256,
    speculation: options.speculation ?? provider.speculation ?? 'off',
    draftModel: options.draftModel ?? provider.draftModel,
    prefixSharing: options.prefixSharing ?? provider.prefixSharing ?? 'tenant',
    prefixCacheBytes: options.prefixCacheBytes ?? provider.prefixCacheBytes ?? 1 << 30,
    contextOverflow: options.contextOverflow ?? provider.contextOverflow ?? 'error',
    keepTokens: options.keepTokens ?? provider.keepTokens,
  };
};

const DEFAULT_CONTEXT = 4096;

/** Tokens for each sequence. More than the model was trained for is allowed when asked for: some models can be extended. */
export const contextSizeFor = (options: ResolvedOptions, trained: number | undefined): number =>
  options.contextSize ?? Math.min(trained ?? DEFAULT_CONTEXT, DEFAULT_CONTEXT);
