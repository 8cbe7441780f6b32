import { checkOptions, type Log, type OptionRule } from '@golek/providers-spi';
import { chooseThreads } from '@golek/providers-spi/machine';
import { SCORES } from './tasks/class-scores.ts';
import { MEDIA_TASKS, POOLINGS, TEXT_TASKS, type TaskOptions } from './tasks/task-options.ts';
import { isObject } from './text/json-fields.ts';

/** Where a graph is worked on. */
export const EXECUTION_PROVIDERS = ['cpu', 'cuda', 'tensorrt', 'dml', 'coreml', 'webgpu'] as const;
export type ExecutionProvider = (typeof EXECUTION_PROVIDERS)[number];

export const OPTIMIZATIONS = ['disabled', 'basic', 'extended', 'layout', 'all'] as const;
export type GraphOptimization = (typeof OPTIMIZATIONS)[number];

/** Settings of one model (`ModelSource.options`); each overrides the provider's setting of the same name. */
export interface OnnxModelOptions extends TaskOptions {
  /** Threads that work on one operator. Default: the physical cores that this process may use, less one. */
  readonly threads?: number;
  /** Threads for operators that do not depend on each other. Default 1: one operator after the other, which is faster for nearly all models. */
  readonly interOpThreads?: number;
  /** How much ONNX Runtime rewrites the graph when it loads it. Default `all`. */
  readonly graphOptimization?: GraphOptimization;
  /**
   * `cpu`, `cuda`, `tensorrt`, `dml`, `coreml`, `webgpu`; one that does not work here is an error. Default `auto`: CUDA, DirectML or CoreML where they are
   * installed and the model loads with them, else the CPU, which the log says.
   */
  readonly executionProvider?: 'auto' | ExecutionProvider;
  /** Runs that may wait for their turn; further ones are refused with `overloaded`. Default 256. */
  readonly queueLimit?: number;
  /** Runs the graph once when it is loaded, so that the first request need not wait for what the runtime puts off until then. Default false. */
  readonly warmUp?: boolean;
}

/** Settings of the provider, and of its models where a model has none of its own. */
export interface OnnxProviderOptions extends OnnxModelOptions {
  /** Id of the provider. Default `onnx`. */
  readonly id?: string;
  /** Told when the CPU is used because no other execution provider works. */
  readonly log?: Log;
}

/** Settings with every default filled in. */
export interface ResolvedOptions extends Required<Omit<OnnxModelOptions, keyof TaskOptions>> {
  /** What is left open is decided by the model's files. */
  readonly tasks: TaskOptions;
}

const integer = (least: number, most: number): OptionRule => ({
  allows: (value) => typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most,
  wanted: `a whole number from ${least} to ${most}`,
});

const oneOf = (...values: readonly string[]): OptionRule => ({
  allows: (value) => typeof value === 'string' && values.includes(value),
  wanted: `one of ${values.map((value) => `'${value}'`).join(', ')}`,
});

const boolean: OptionRule = { allows: (value) => typeof value === 'boolean', wanted: 'true or false' };

const MODEL_RULES: Readonly<Record<keyof OnnxModelOptions, OptionRule>> = {
  threads: integer(1, 1024),
  interOpThreads: integer(1, 1024),
  graphOptimization: oneOf(...OPTIMIZATIONS),
  executionProvider: oneOf('auto', ...EXECUTION_PROVIDERS),
  queueLimit: integer(0, 100_000),
  warmUp: boolean,
  task: oneOf('auto', ...TEXT_TASKS, ...MEDIA_TASKS, 'tensor'),
  pooling: oneOf(...POOLINGS),
  normalize: boolean,
  truncate: oneOf('files', 'never', 'always'),
  contextSize: integer(1, 1_000_000),
  maxBatchTokens: integer(1, 1_000_000),
  maxBatchDelayMs: integer(0, 100),
  labels: {
    allows: (value) => Array.isArray(value) && value.length > 0 && value.every((label) => typeof label === 'string'),
    wanted: 'a list of texts, one for each class',
  },
  scores: oneOf(...SCORES),
  preprocessor: { allows: isObject, wanted: 'an object with fields of preprocessor_config.json' },
  maxImagePixels: integer(1, 1 << 28),
  maxAudioSeconds: integer(1, 24 * 3600),
  speechThreshold: {
    allows: (value) => typeof value === 'number' && value >= 0 && value <= 1,
    wanted: 'a number from 0 to 1',
  },
  minSpeechMs: integer(0, 60_000),
  minSilenceMs: integer(0, 60_000),
  speechPadMs: integer(0, 10_000),
};

const PROVIDER_RULES: Readonly<Record<keyof OnnxProviderOptions, OptionRule>> = {
  ...MODEL_RULES,
  id: {
    allows: (value) => typeof value === 'string' && value.length > 0,
    wanted: 'a string with at least one character',
  },
  log: { allows: (value) => typeof value === 'object' && value !== null, wanted: 'a logger' },
};

/** Throws `config_invalid` naming the key and its allowed values, for an unknown key the nearest known one. */
export const checkProviderOptions = (options: OnnxProviderOptions): void =>
  checkOptions(options, PROVIDER_RULES, 'options of the ONNX provider');

/** Joins a model's options with its provider's. Throws `config_invalid`, as `checkProviderOptions` does. */
export const resolveOptions = (
  provider: OnnxProviderOptions,
  model: string,
  options: OnnxModelOptions = {},
): ResolvedOptions => {
  checkOptions(options, MODEL_RULES, `options of the model '${model}'`);
  return {
    threads: options.threads ?? provider.threads ?? chooseThreads().threads,
    interOpThreads: options.interOpThreads ?? provider.interOpThreads ?? 1,
    graphOptimization: options.graphOptimization ?? provider.graphOptimization ?? 'all',
    executionProvider: options.executionProvider ?? provider.executionProvider ?? 'auto',
    queueLimit: options.queueLimit ?? provider.queueLimit ?? 256,
    warmUp: options.warmUp ?? provider.warmUp ?? false,
    tasks: taskOptions({ ...taskOptions(provider), ...taskOptions(options) }),
  };
};

const TASK_OPTIONS = Object.keys({
  task: true,
  pooling: true,
  normalize: true,
  truncate: true,
  contextSize: true,
  maxBatchTokens: true,
  maxBatchDelayMs: true,
  labels: true,
  scores: true,
  preprocessor: true,
  maxImagePixels: true,
  maxAudioSeconds: true,
  speechThreshold: true,
  minSpeechMs: true,
  minSilenceMs: true,
  speechPadMs: true,
} satisfies Record<keyof TaskOptions, true>);

/** Those of the options that say what the graph is for; keys without a value are left out. */
const taskOptions = (options: TaskOptions): TaskOptions =>
  Object.fromEntries(
    Object.entries(options).filter(([key, value]) => value !== undefined && TASK_OPTIONS.includes(key)),
  );
