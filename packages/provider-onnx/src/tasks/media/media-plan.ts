import { GolekError } from '@golek/providers-spi';
import type { OnnxGraph, TensorPort } from '../../graph.ts';
import { countField, textField, type JsonObject } from '../../text/json-fields.ts';
import { labelsOf, scoresOf } from '../class-labels.ts';
import type { Scores } from '../class-scores.ts';
import { FLOAT_TYPES } from '../float-output.ts';
import type { ModelFiles } from '../model-files.ts';
import { MEDIA_TASKS, type MediaTask, type TaskOptions } from '../task-options.ts';
import { imagePort, type ImagePort } from './image-port.ts';
import { readImageSteps, type ImageSteps } from './image-steps.ts';
import { voicePorts, type VoicePorts } from './voice-ports.ts';

interface Classes {
  /** The output that answers are read from, by input. */
  readonly output: TensorPort;
  /** By number; those without a name are `LABEL_n`. */
  readonly labels: readonly string[];
  readonly scores: Scores;
}

export interface ImageDetail extends Classes {
  readonly task: 'image-classify';
  readonly image: ImagePort;
  readonly steps: ImageSteps;
  readonly options: TaskOptions;
}

export interface AudioDetail extends Classes {
  readonly task: 'audio-classify';
  readonly input: TensorPort;
  readonly mask: TensorPort | undefined;
  /** Samples a second that the model was made for. */
  readonly rate: number;
  /** Recordings are given with the mean 0 and the variance 1. */
  readonly normalize: boolean;
  readonly options: TaskOptions;
}

export interface VoiceDetail {
  readonly task: 'voice-activity';
  readonly ports: VoicePorts;
  readonly options: TaskOptions;
}

/** What a graph does with pictures or recordings. */
export type MediaDetail = ImageDetail | AudioDetail | VoiceDetail;

export interface OpenMediaOptions {
  /** Registered name of the model. */
  readonly name: string;
  readonly graph: OnnxGraph;
  /** Runs that may wait. */
  readonly queueLimit: number;
  readonly maxDelayMs: number;
}

interface Ports {
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
}

/**
 * Undefined where the model takes neither pictures nor recordings, or the files do not tell. Throws `unsupported` and `model_invalid` for what was asked for and cannot be done, and for
 * files that ask for steps that are not done here.
 */
export const planMedia = (
  name: string,
  files: ModelFiles,
  ports: Ports,
  options: TaskOptions,
): MediaDetail | undefined => {
  const asked = MEDIA_TASKS.find((task) => task === options.task);
  if (asked === undefined && options.task !== undefined && options.task !== 'auto') return undefined;
  const plans = { 'voice-activity': planVoice, 'audio-classify': planAudio, 'image-classify': planImage };
  if (asked !== undefined) {
    const detail = plans[asked](name, files, ports, options, true);
    if (detail) return detail;
    throw new GolekError(
      'unsupported',
      `the option 'task' is '${asked}', but the graph of model '${name}' does not have ${WANTED[asked]}`,
      { details: { option: 'task', model: name } },
    );
  }
  for (const plan of Object.values(plans)) {
    const detail = plan(name, files, ports, options, false);
    if (detail) return detail;
  }
  return undefined;
};

const WANTED: Readonly<Record<MediaTask, string>> = {
  'image-classify':
    'one input of pictures (FP32, FP16 or UINT8, [pictures, channels, height, width] or [pictures, height, width, channels], 1 or 3 channels) and an output of floats, [pictures, classes]',
  'audio-classify':
    "an input 'input_values' of samples (FP32 or FP16, [recordings, samples]) and an output of floats, [recordings, classes]",
  'voice-activity':
    "the inputs 'input', 'state' and 'sr' and the outputs 'output' and 'stateN' of Silero VAD, version 5 or later",
};

const planVoice = (
  _name: string,
  _files: ModelFiles,
  { inputs, outputs }: Ports,
  options: TaskOptions,
): VoiceDetail | undefined => {
  const ports = voicePorts(inputs, outputs);
  return ports && { task: 'voice-activity', ports, options };
};

/** Fields of the preprocessor's file with the option's over them; undefined where there is neither. */
const preprocessorOf = ({ preprocessor }: ModelFiles, options: TaskOptions): JsonObject | undefined =>
  preprocessor || options.preprocessor ? { ...preprocessor, ...options.preprocessor } : undefined;

const architectureOf = ({ config }: ModelFiles): string => {
  const all: readonly unknown[] = Array.isArray(config['architectures']) ? config['architectures'] : [];
  return typeof all[0] === 'string' ? all[0] : '';
};

/** [inputs, classes], with nothing behind them but sizes of 1. */
const classesOf = ({ config }: ModelFiles, { outputs }: Ports, options: TaskOptions): Classes | undefined => {
  const fitting = outputs.filter(
    ({ type, dims, anyRank }) =>
      FLOAT_TYPES.includes(type) && (anyRank || (dims.length >= 2 && dims.slice(2).every((dim) => dim === 1))),
  );
  const output = fitting.find(({ name }) => name === 'logits') ?? fitting[0];
  return output && { output, labels: labelsOf(config, options) ?? [], scores: scoresOf(config, output, options) };
};

const planImage = (
  name: string,
  files: ModelFiles,
  ports: Ports,
  options: TaskOptions,
  asked: boolean,
): ImageDetail | undefined => {
  const preprocessor = preprocessorOf(files, options);
  const image = imagePort(ports.inputs, countField(files.config, 'num_channels') === 1 ? 1 : 3);
  const classes = classesOf(files, ports, options);
  if (!image || !classes) return undefined;
  if (!asked) {
    const architecture = architectureOf(files);
    const said = architecture === '' ? classes.output.name === 'logits' : /ForImageClassification/.test(architecture);
    if (!preprocessor || !(said || options.preprocessor)) return undefined;
  }
  const steps = readImageSteps(name, preprocessor ?? {}, image);
  return { task: 'image-classify', image, steps, ...classes, options };
};

/** What transformers' feature extractor of this name does is done here: nothing but the mean and the variance. */
const WAVEFORMS = 'Wav2Vec2FeatureExtractor';
const DEFAULT_RATE = 16_000;

const planAudio = (
  _name: string,
  files: ModelFiles,
  ports: Ports,
  options: TaskOptions,
  asked: boolean,
): AudioDetail | undefined => {
  const input = ports.inputs.find(
    ({ name, type, dims }) => name === 'input_values' && (type === 'FP32' || type === 'FP16') && dims.length === 2,
  );
  const mask = ports.inputs.find(
    ({ name, type }) => name === 'attention_mask' && (type === 'INT64' || type === 'INT32'),
  );
  const classes = classesOf(files, ports, options);
  const [rows] = input?.dims ?? [];
  if (!input || !classes || ports.inputs.length !== (mask ? 2 : 1) || (typeof rows === 'number' && rows > 1))
    return undefined;
  const preprocessor = preprocessorOf(files, options);
  if (!asked && textField(preprocessor, 'feature_extractor_type') !== WAVEFORMS) return undefined;
  return {
    task: 'audio-classify',
    input,
    mask,
    rate: countField(preprocessor, 'sampling_rate') ?? DEFAULT_RATE,
    normalize: preprocessor?.['do_normalize'] !== false,
    ...classes,
    options,
  };
};
