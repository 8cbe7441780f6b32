import type { JsonObject } from '../text/json-fields.ts';
import type { Scores } from './class-scores.ts';

/** What a model does with text, beside being a graph of tensors. */
export const TEXT_TASKS = ['embed', 'classify', 'token-classify', 'rerank', 'generate'] as const;
export type TextTask = (typeof TEXT_TASKS)[number];

/** What a model does with pictures and recordings. */
export const MEDIA_TASKS = ['image-classify', 'audio-classify', 'voice-activity'] as const;
export type MediaTask = (typeof MEDIA_TASKS)[number];

/** How the vectors of an input's tokens become one; `graph`: the graph does it itself. */
export const POOLINGS = ['mean', 'cls', 'last', 'max', 'graph'] as const;
export type Pooling = (typeof POOLINGS)[number];

/** Settings of a model that say what its graph is for. */
export interface TaskOptions {
  /** `tensor`: nothing but tensors. Default `auto`: what the graph, config.json and the files of tokenizer and preprocessor say. */
  readonly task?: 'auto' | TextTask | MediaTask | 'tensor';
  /** Default: what the model's files say, else the graph's own pooled output, else `mean`. */
  readonly pooling?: Pooling;
  /** Vectors are given with the length 1. Default true. */
  readonly normalize?: boolean;
  /** Texts that are too long: `files` cuts them where the model's files say so, `never` refuses them, `always` cuts them. Default `files`. */
  readonly truncate?: 'files' | 'never' | 'always';
  /** Tokens of one input, or of prompt and answer. Default: what the model was trained for. */
  readonly contextSize?: number;
  /** Most tokens that are evaluated together, padding included. Default: on a CPU 512 for each thread, at most 4096; else 4096. */
  readonly maxBatchTokens?: number;
  /** Longest that an input waits for others although the engine is free, ms. Default 2; 0: never. */
  readonly maxBatchDelayMs?: number;
  /** Names of the classes, by number. Default: `id2label` of config.json. */
  readonly labels?: readonly string[];
  /** What a classifier's output is made into. Default: `given` where the graph ends with a softmax or a sigmoid, `sigmoid` for labels that config.json says do not exclude each other, else `softmax`. */
  readonly scores?: Scores;
  /** Fields of preprocessor_config.json, over those of the file. */
  readonly preprocessor?: JsonObject;
  /** Most pixels of a picture; larger ones are refused before they are decoded. Default 67,108,864. */
  readonly maxImagePixels?: number;
  /** Longest recording, s; longer ones are refused. Default 60, of `voice-activity` 14,400. */
  readonly maxAudioSeconds?: number;
  /** Probability from which on a piece of a recording is speech, 0 to 1. Default 0.5. */
  readonly speechThreshold?: number;
  /** Speech shorter than this is left out, ms. Default 250. */
  readonly minSpeechMs?: number;
  /** A pause shorter than this does not end speech, ms. Default 100. */
  readonly minSilenceMs?: number;
  /** What is added to speech at both ends, ms. Default 30. */
  readonly speechPadMs?: number;
}
