import { nearest, Sampling } from '@golek/api';
import { z } from 'zod';
import { foldSeed, readStop, Stop } from '../openai/common-fields.ts';
import { present } from '../request-body/present.ts';
import { limited } from '../request-body/refusals.ts';
import { loadOptions, loadOptionWarnings } from './load-options.ts';

const off = (value: number, remedy: string): z.ZodType<number | null | undefined> =>
  limited(z.literal(value).nullish(), remedy);

/** A parameter that matters only beside another one, which is refused: any value is as good. */
const withoutEffect = z.number().nullish();

/** `options`: how tokens are chosen, and what Ollama sets when it loads a model. */
export const ModelOptions = z
  .object({
    temperature: Sampling.shape.temperature.nullable(),
    top_k: z.int().nullish().describe('0 and less keep all.'),
    top_p: Sampling.shape.topP.nullable(),
    min_p: Sampling.shape.minP.nullable(),
    seed: z.int().nullish().describe('-1: a new one for each request.'),
    num_predict: z.int().nullish().describe('Most tokens of the answer; 0 and less: until the model stops.'),
    stop: Stop,
    repeat_penalty: Sampling.shape.repeatPenalty.nullable(),
    repeat_last_n: z.int().min(-1).nullish().describe('Penalties count so many last tokens of the answer; -1: all.'),
    presence_penalty: Sampling.shape.presencePenalty.nullable(),
    frequency_penalty: Sampling.shape.frequencyPenalty.nullable(),
    penalize_newline: z.boolean().nullish(),
    typical_p: off(1, 'the engine has no typical sampling; leave it out'),
    tfs_z: off(1, 'the engine has no tail-free sampling; leave it out'),
    mirostat: off(0, 'the engine has no mirostat sampling; leave it out'),
    mirostat_tau: withoutEffect,
    mirostat_eta: withoutEffect,
    ...loadOptions,
  })
  .catchall(z.unknown())
  .meta({ id: 'OllamaOptions' });
type ModelOptions = z.output<typeof ModelOptions>;

/** What the options say, in the terms of a request. */
export interface ReadOptions {
  readonly sampling?: Sampling;
  readonly maxTokens?: number;
  readonly stop?: string[];
  /** What of them changes nothing. */
  readonly warnings: readonly string[];
}

/** Most characters of an unknown name that come back. */
const SHOWN_CHARACTERS = 80;

/** Ollama goes on with options that it does not know, and says so in its log. */
const unknownOptionWarnings = (options: ModelOptions): string[] => {
  const known = Object.keys(ModelOptions.shape);
  const [first, ...others] = Object.keys(options).filter((name) => !known.includes(name));
  if (first === undefined) return [];
  const name = first.slice(0, SHOWN_CHARACTERS);
  const hint = nearest(name, known);
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  return [
    `'options.${name}'${more} changed nothing: there is no such option${hint ? `; did you mean '${hint}'?` : ''}`,
  ];
};

const NO_OPTIONS: ReadOptions = { warnings: [] };

const samplingOf = (options: ModelOptions): Sampling | undefined =>
  present<Omit<Sampling, 'logitBias' | 'xtc' | 'dry'>>({
    temperature: options.temperature,
    topK: options.top_k == null ? undefined : Math.max(0, options.top_k),
    topP: options.top_p,
    minP: options.min_p,
    seed: options.seed == null || options.seed === -1 ? undefined : foldSeed(options.seed),
    repeatPenalty: options.repeat_penalty,
    repeatLastTokens: options.repeat_last_n === -1 ? undefined : options.repeat_last_n,
    presencePenalty: options.presence_penalty,
    frequencyPenalty: options.frequency_penalty,
  });

export const readOptions = (options: ModelOptions | null | undefined): ReadOptions => {
  if (options == null) return NO_OPTIONS;
  const sampling = samplingOf(options);
  const stop = readStop(options.stop);
  const { num_predict: limit } = options;
  return {
    ...(sampling && { sampling }),
    ...(limit != null && limit > 0 && { maxTokens: limit }),
    ...(stop && { stop }),
    warnings: [
      ...loadOptionWarnings(options),
      ...unknownOptionWarnings(options),
      ...(options.penalize_newline === false
        ? ["'options.penalize_newline' changed nothing: penalties count every token"]
        : []),
    ],
  };
};
