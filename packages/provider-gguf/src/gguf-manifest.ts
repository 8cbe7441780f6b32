import { GolekError, type ModelManifest, type ModelSource, type Task } from '@golek/providers-spi';
import type { GgufFile } from './gguf-file.ts';
import { FILE_TYPES } from './gguf-types.ts';
import { POOLING_TYPES, poolingType, type Pooling } from './pooling.ts';
import type { HeadSizes } from './kv-cache-type.ts';

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
  /** llama.cpp's pooling type of vectors. */
  readonly pooling: number;
  /** Whether the file itself leads llama.cpp to this pooling. */
  readonly poolingSaid: boolean;
  /** Tokens that have a learned position; undefined where positions are computed and may go beyond the training. */
  readonly positions: number | undefined;
  /** How a model that ranks reads a query and a document. */
  readonly ranking: RankingFacts;
  readonly sampling: SamplingFacts;
  /** Components of one head's keys and values; undefined where layers differ or the file does not say. */
  readonly heads: HeadSizes;
}

export interface RankingFacts {
  /** With `{query}` and `{document}`. */
  readonly template: string | undefined;
  /** Its first output is a probability; a logit otherwise. */
  readonly probability: boolean;
}

/** Sampling settings that the maker of the model recommends. */
export interface SamplingFacts {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly repeatPenalty?: number;
}

/**
 * Reads the facts from a header; `asked` is the pooling that the model's options ask for. Throws `model_invalid` or `unsupported` for a GGUF file that holds
 * no model, and for a pooling that this one does not have.
 */
export const factsOf = (file: GgufFile, asked?: Pooling): GgufFacts => {
  const { metadata } = file.header;
  const { tensors } = file;
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
  const causal = metadata.get(`${architecture}.attention.causal`) !== false;
  const said = number(`${architecture}.pooling_type`);
  const pooling = poolingType(asked, said, causal);
  const probability = SOFTMAX_RANKERS.has(architecture);
  const labels = metadata.get(`${architecture}.classifier.output_labels`);
  const outputs = typeof labels === 'object' ? labels.length : 1;
  const ranks = tensors.some(({ name }) => CLASSIFIERS.has(name)) && (probability || outputs === 1);
  if (asked === 'rank' && !ranks)
    throw new GolekError(
      'unsupported',
      `'${file.path}' cannot be loaded with the pooling 'rank': it has no classifier with one output; use another pooling`,
      { details: { ...details, option: 'pooling' } },
    );
  const learnedPositions = tensors.some(({ name }) => name === 'position_embd.weight');
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
    tasks: tasksOf({ causal, pooling, ranks, encodesToDecode: architecture === 't5' }),
    causal,
    pooling,
    // Without pooling llama.cpp gives the vector of the last token.
    poolingSaid: said === pooling || (!said && causal && pooling === POOLING_TYPES.last),
    positions: learnedPositions ? size(`${architecture}.context_length`) : undefined,
    ranking: { template: text('tokenizer.chat_template.rerank'), probability },
    heads: headSizes((key) => size(`${architecture}.${key}`)),
    sampling: Object.fromEntries(Object.entries(sampling).filter(([, value]) => value !== undefined)),
  };
};

const headSizes = (size: (key: string) => number | undefined): HeadSizes => {
  const width = size('embedding_length');
  const heads = size('attention.head_count');
  const shared = width !== undefined && heads !== undefined && width % heads === 0 ? width / heads : undefined;
  return { key: size('attention.key_length') ?? shared, value: size('attention.value_length') ?? shared };
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

/** Architectures whose classifier llama.cpp ends with a softmax, the first output of which is "relevant". */
const SOFTMAX_RANKERS: ReadonlySet<string> = new Set(['qwen3', 'qwen3vl']);

const CLASSIFIERS: ReadonlySet<string> = new Set(['cls.weight', 'cls.output.weight']);

interface Abilities {
  readonly causal: boolean;
  readonly pooling: number;
  /** It has a classifier that scores. */
  readonly ranks: boolean;
  /** An encoder whose vectors only its own decoder reads. */
  readonly encodesToDecode: boolean;
}

const tasksOf = ({ causal, pooling, ranks, encodesToDecode }: Abilities): readonly Task[] => {
  if (pooling === POOLING_TYPES.rank) return ranks ? ['rerank', 'tokenize', 'detokenize'] : ['tokenize', 'detokenize'];
  const embeds = encodesToDecode ? [] : (['embed'] as const);
  const [generates, counts] = causal ? ([['generate'], ['count']] as const) : [[], []];
  return [...generates, ...embeds, 'tokenize', 'detokenize', ...counts];
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
