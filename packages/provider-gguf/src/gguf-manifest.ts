import { GolekError, type ModelManifest, type ModelSource, type Task } from '@golek/providers-spi';
import type { GgufFile } from './gguf-file.ts';
import { FILE_TYPES } from './gguf-types.ts';

/** Pooling types of llama.cpp that shape what a model is for. */
const POOLING_RANK = 4;

/** What the metadata of a model file says about its use; absent where the file says nothing. */
export interface GgufFacts {
  readonly architecture: string;
  /** Tokens that the model was trained to hold. */
  readonly contextLength: number | undefined;
  readonly embeddingLength: number | undefined;
  readonly chatTemplate: string | undefined;
  /** A second template that some models have for requests with tools. */
  readonly toolTemplate: string | undefined;
  readonly tasks: readonly Task[];
  /** False for encoders such as BERT, where every token sees every other. */
  readonly causal: boolean;
  /** llama.cpp's pooling type of embeddings; 0 (none: the last token) when the file does not say. */
  readonly pooling: number;
  readonly sampling: SamplingFacts;
}

/** Sampling settings that the maker of the model recommends. */
export interface SamplingFacts {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly repeatPenalty?: number;
}

/** Reads the facts from a header. Throws `model_invalid` or `unsupported` for a GGUF file that holds no model. */
export const factsOf = (file: GgufFile): GgufFacts => {
  const { metadata, tensors } = file.header;
  const text = (key: string): string | undefined => {
    const value = metadata.get(key);
    return typeof value === 'string' ? value : undefined;
  };
  const number = (key: string): number | undefined => {
    const value = metadata.get(key);
    return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
  };
  const size = (key: string): number | undefined => {
    const value = number(key);
    return value !== undefined && Number.isSafeInteger(value) && value > 0 ? value : undefined;
  };
  const details = { file: file.path };
  const architecture = text('general.architecture');
  if (!architecture)
    throw new GolekError(
      'model_invalid',
      `'${file.path}' names no architecture (metadata key 'general.architecture')`,
      { details },
    );
  const kind = text('general.type') ?? 'model';
  if (kind !== 'model')
    throw new GolekError(
      'unsupported',
      `'${file.path}' holds a ${kind}, not a model; give the path of the model's own file`,
      { details },
    );
  if (tensors.length === 0)
    throw new GolekError('model_invalid', `'${file.path}' has no tensors: it holds a vocabulary only`, { details });

  checkShape(file, architecture, number);
  const pooling = number(`${architecture}.pooling_type`) ?? 0;
  const causal = metadata.get(`${architecture}.attention.causal`) !== false;
  const sampling = {
    temperature: number('general.sampling.temp'),
    topP: number('general.sampling.top_p'),
    topK: number('general.sampling.top_k'),
    minP: number('general.sampling.min_p'),
    repeatPenalty: number('general.sampling.penalty_repeat'),
  };
  return {
    architecture,
    contextLength: size(`${architecture}.context_length`),
    embeddingLength: size(`${architecture}.embedding_length`),
    chatTemplate: text('tokenizer.chat_template'),
    toolTemplate: text('tokenizer.chat_template.tool_use'),
    tasks: tasksOf(causal, pooling),
    causal,
    pooling,
    sampling: Object.fromEntries(Object.entries(sampling).filter(([, value]) => value !== undefined)),
  };
};

/** LLAMA_MAX_LAYERS of llama.cpp. */
const MAX_LAYERS = 512;

/** llama.cpp ends its process, instead of refusing the file, where these sizes make no sense. */
const checkShape = (file: GgufFile, architecture: string, number: (key: string) => number | undefined): void => {
  const refuse = (key: string, why: string): never => {
    const what = `'${file.path}' is damaged: its metadata key '${architecture}.${key}' is ${String(number(`${architecture}.${key}`))}`;
    throw new GolekError('model_invalid', `${what}, ${why}`, { details: { file: file.path } });
  };
  const layers = number(`${architecture}.block_count`);
  if (layers !== undefined && (!Number.isInteger(layers) || layers < 0 || layers > MAX_LAYERS))
    refuse('block_count', `not 0 to ${MAX_LAYERS}`);
  const heads = number(`${architecture}.attention.head_count`) ?? 0;
  const sharedHeads = number(`${architecture}.attention.head_count_kv`) ?? 0;
  if (heads > 0 && sharedHeads !== 0 && heads % sharedHeads !== 0)
    refuse('attention.head_count_kv', `which does not divide the ${heads} heads`);
};

const tasksOf = (causal: boolean, pooling: number): readonly Task[] => {
  if (pooling === POOLING_RANK) return ['tokenize', 'detokenize'];
  return causal ? ['generate', 'embed', 'tokenize', 'detokenize'] : ['embed', 'tokenize', 'detokenize'];
};

/** The manifest of a model file: what the file itself says, nothing guessed. */
export const manifestOf = (source: ModelSource, provider: string, file: GgufFile, facts: GgufFacts): ModelManifest => {
  const { metadata } = file.header;
  const fileType = metadata.get('general.file_type');
  const quantization = typeof fileType === 'number' ? FILE_TYPES[fileType] : undefined;
  const license = metadata.get('general.license');
  return {
    name: source.name,
    provider,
    source: file.path,
    tasks: [...facts.tasks],
    format: 'gguf',
    architecture: facts.architecture,
    ...(quantization !== undefined && { quantization }),
    parameterCount: file.parameterCount,
    sizeBytes: file.sizeBytes,
    ...(facts.contextLength !== undefined && { contextLength: facts.contextLength }),
    ...(facts.embeddingLength !== undefined && { embeddingLength: facts.embeddingLength }),
    chatTemplate: facts.chatTemplate !== undefined,
    ...(typeof license === 'string' && { license }),
    created: file.modified,
  };
};
