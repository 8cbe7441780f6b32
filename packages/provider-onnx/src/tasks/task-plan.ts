import { GolekError, type Task } from '@golek/providers-spi';
import type { TensorPort } from '../graph.ts';
import { countField, textField, type JsonObject } from '../text/json-fields.ts';
import { labelsOf } from './class-labels.ts';
import { FLOAT_TYPES } from './float-output.ts';
import { decoderPorts } from './generation/cached-graph.ts';
import { planMedia, type MediaDetail } from './media/media-plan.ts';
import { readModelFiles, type ModelFiles } from './model-files.ts';
import { TEXT_TASKS, type Pooling, type TaskOptions, type TextTask } from './task-options.ts';
import { textPorts, type TextPorts } from './text-ports.ts';

/** What a graph is used for, found from its ports and the files beside it: the same before it is loaded and after. */
export interface TaskPlan {
  /** Tasks beside `tensor`; empty where the files do not tell of one. */
  readonly tasks: readonly Task[];
  readonly contextLength?: number;
  readonly embeddingLength?: number;
  readonly architecture?: string;
  readonly chatTemplate?: boolean;
  readonly detail: PlanDetail | undefined;
}

export type PlanDetail = TextDetail | MediaDetail;

export interface TextDetail {
  readonly task: TextTask;
  readonly ports: TextPorts;
  readonly outputs: readonly TensorPort[];
  /** The output that answers are read from. */
  readonly output: TensorPort;
  readonly pooling: Pooling;
  readonly files: ModelFiles & { readonly tokenizer: JsonObject };
  readonly options: TaskOptions;
  readonly contextLength: number | undefined;
}

interface Ports {
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
}

const SENTENCE_OUTPUTS = [
  'sentence_embedding',
  'sentence_embeddings',
  'text_embeds',
  'text_embedding',
  'embeddings',
  'embedding',
];
const TOKEN_OUTPUTS = ['last_hidden_state', 'token_embeddings', 'hidden_states'];

/**
 * Reads what the model is for. Throws `model_invalid` for files that cannot be read, `unsupported` for an option that the model cannot follow or a step after the
 * graph that would have to be done.
 */
export const readTasks = async (
  name: string,
  model: string,
  ports: Ports,
  options: TaskOptions,
  signal: AbortSignal,
): Promise<TaskPlan> => {
  const files = await readModelFiles(model, signal);
  return planTasks(name, files, ports, options);
};

export const planTasks = (name: string, files: ModelFiles, ports: Ports, options: TaskOptions): TaskPlan => {
  const architecture = textField(files.config, 'model_type');
  const none: TaskPlan = { tasks: [], detail: undefined, ...(architecture !== undefined && { architecture }) };
  if (options.task === 'tensor') return none;
  const media = planMedia(name, files, ports, options);
  if (media) return { ...none, tasks: ['classify'], detail: media };
  const asked = TEXT_TASKS.find((task) => task === options.task);
  const text = textPorts(ports.inputs);
  const { tokenizer } = files;
  if (!text || !tokenizer) {
    if (asked === undefined) return none;
    const why = text ? 'has no tokenizer.json beside it' : "has no input 'input_ids' of whole numbers";
    throw new GolekError('unsupported', `the option 'task' is '${asked}', but model '${name}' ${why}`, {
      details: { option: 'task', model: name },
    });
  }
  const task = asked ?? detected(files, text, ports, options);
  if (task === undefined) return none;
  const output = outputOf(name, task, files, ports, options);
  if (!output) {
    if (asked === undefined) return none;
    throw new GolekError('unsupported', `the graph of model '${name}' has no output for the task '${task}'`, {
      details: { option: 'task', model: name },
    });
  }
  if (task === 'generate' && !decoderPorts(text, ports.outputs))
    throw new GolekError(
      'unsupported',
      `the graph of model '${name}' is no decoder with a cache: it needs the inputs 'attention_mask' and 'past_key_values.*' beside 'input_ids', and an output 'present.*' for each of those`,
      { details: { option: 'task', model: name } },
    );
  if (task !== 'generate' && text.others.length > 0) {
    if (asked === undefined) return none;
    const others = text.others.map((port) => `'${port.name}'`).join(', ');
    throw new GolekError(
      'unsupported',
      `the graph of model '${name}' takes ${others}, which no text has; use it with tensors`,
      {
        details: { option: 'task', model: name },
      },
    );
  }
  const contextLength = options.contextSize ?? learnedLength(files);
  const last = output.port.dims.at(-1);
  return {
    tasks: [task === 'token-classify' ? 'classify' : task, 'tokenize', 'detokenize'],
    ...(architecture !== undefined && { architecture }),
    ...(contextLength !== undefined && { contextLength }),
    ...(task === 'embed' && typeof last === 'number' && last > 0 && { embeddingLength: last }),
    ...(task === 'generate' && { chatTemplate: files.chatTemplate !== undefined }),
    detail: {
      task,
      ports: text,
      outputs: ports.outputs,
      output: output.port,
      pooling: output.pooling,
      files: { ...files, tokenizer },
      options,
      contextLength,
    },
  };
};

const detected = (
  { config, pooling, steps }: ModelFiles,
  text: TextPorts,
  { outputs }: Ports,
  options: TaskOptions,
): TextTask | undefined => {
  const architectures: readonly unknown[] = Array.isArray(config['architectures']) ? config['architectures'] : [];
  const architecture = typeof architectures[0] === 'string' ? architectures[0] : '';
  const logits = outputs.find(({ name }) => name === 'logits');
  if (text.others.length > 0 && decoderPorts(text, outputs)) return logits ? 'generate' : undefined;
  if (logits) {
    if (architecture.endsWith('ForTokenClassification')) return 'token-classify';
    const classes = labelsOf(config, options)?.length ?? logits.dims.at(-1);
    if (architecture.endsWith('ForSequenceClassification') || (architecture === '' && logits.dims.length === 2))
      return classes === 1 ? 'rerank' : 'classify';
    return undefined;
  }
  const known = outputs.some(({ name }) => SENTENCE_OUTPUTS.includes(name) || TOKEN_OUTPUTS.includes(name));
  return known || pooling || steps.length > 0 ? 'embed' : undefined;
};

const isFloat = ({ type }: TensorPort): boolean => FLOAT_TYPES.includes(type);

const outputOf = (
  name: string,
  task: TextTask,
  files: ModelFiles,
  { outputs }: Ports,
  options: TaskOptions,
): { port: TensorPort; pooling: Pooling } | undefined => {
  const floats = outputs.filter(isFloat);
  if (task !== 'embed') {
    const rank = task === 'generate' || task === 'token-classify' ? 3 : 2;
    const fitting = floats.filter(({ dims, anyRank }) => anyRank || dims.length === rank);
    const port = fitting.find((output) => output.name === 'logits') ?? (task === 'generate' ? undefined : fitting[0]);
    return port && { port, pooling: 'graph' };
  }
  const ranked = (rank: number, names: readonly string[]): TensorPort | undefined => {
    const fitting = floats.filter(({ dims, anyRank }) => anyRank || dims.length === rank);
    return names.map((wanted) => fitting.find((output) => output.name === wanted)).find(Boolean) ?? fitting[0];
  };
  const own = floats.find((output) => SENTENCE_OUTPUTS.includes(output.name) && output.dims.length === 2);
  const tokens = ranked(3, TOKEN_OUTPUTS);
  const sentence = own ?? ranked(2, ['pooler_output']);
  const { pooling } = options;
  if (pooling === 'graph' || (pooling === undefined && (own || !tokens)))
    return sentence && { port: sentence, pooling: 'graph' };
  if (!tokens) return undefined;
  const undone = files.steps.find((step) => !['Transformer', 'Pooling', 'Normalize'].includes(step));
  if (pooling === undefined && undone !== undefined)
    throw new GolekError(
      'unsupported',
      `model '${name}' has the step '${undone}' after its graph, which is not done here; export the model with it, or set 'pooling' to do without it, or 'task' to 'tensor'`,
      { details: { option: 'pooling', model: name } },
    );
  return { port: tokens, pooling: pooling ?? filedPooling(name, files.pooling) ?? 'mean' };
};

const MODES: readonly (readonly [string, Pooling])[] = [
  ['pooling_mode_cls_token', 'cls'],
  ['pooling_mode_mean_tokens', 'mean'],
  // The same direction as the mean.
  ['pooling_mode_mean_sqrt_len_tokens', 'mean'],
  ['pooling_mode_lasttoken', 'last'],
  ['pooling_mode_max_tokens', 'max'],
];

/** What sentence-transformers' file says. */
const filedPooling = (name: string, pooling: JsonObject | undefined): Pooling | undefined => {
  if (!pooling) return undefined;
  const on = Object.entries(pooling).filter(([key, value]) => key.startsWith('pooling_mode_') && value === true);
  const [first] = on;
  if (!first) return undefined;
  const mode = MODES.find(([key]) => key === first[0])?.[1];
  if (mode === undefined || on.length > 1)
    throw new GolekError(
      'unsupported',
      `model '${name}' pools by ${on.map(([key]) => `'${key}'`).join(' and ')}, which is not done here; the option 'pooling' sets another way`,
      { details: { option: 'pooling', model: name } },
    );
  return mode;
};

/** Models of this family count positions from 2, and have two more of them than tokens. */
const OFFSET_POSITIONS = ['roberta', 'xlm-roberta', 'camembert', 'mpnet', 'longformer', 'xlm-roberta-xl'];

/** Tokens of an input that the model was trained for. */
const learnedLength = ({ config, tokenizerConfig }: ModelFiles): number | undefined => {
  const positions =
    countField(config, 'max_position_embeddings') ?? countField(config, 'n_positions') ?? countField(config, 'n_ctx');
  const offset = OFFSET_POSITIONS.includes(textField(config, 'model_type') ?? '') ? 2 : 0;
  const named = countField(tokenizerConfig, 'model_max_length');
  const limits = [positions === undefined ? undefined : positions - offset, named].filter(
    (limit) => limit !== undefined && limit > 0 && limit < 1e9,
  ) as number[];
  return limits.length > 0 ? Math.min(...limits) : undefined;
};

/** Special tokens that end an answer, as the files name them. */
export const endTokens = ({ config, generation }: Pick<ModelFiles, 'config' | 'generation'>): readonly number[] => {
  const ends = generation['eos_token_id'] ?? config['eos_token_id'];
  const all: readonly unknown[] = Array.isArray(ends) ? ends : [ends];
  return all.filter((id): id is number => typeof id === 'number' && Number.isInteger(id) && id >= 0);
};
