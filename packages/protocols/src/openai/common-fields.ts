import { AdapterChoice, GenerateRequest, Sampling } from '@golek/api';
import { z } from 'zod';
import { LimitOrNone, llamaCppFields, readLlamaCppSampling } from './llama-cpp-fields.ts';
import { invalid } from '../request-body/parse-body.ts';
import { limited } from '../request-body/refusals.ts';
import { present } from '../request-body/present.ts';

/** Longest name of a model: it comes back in messages, logs and headers. */
const MODEL_NAME_CHARACTERS = 256;

export const ModelName = z.string().min(1).max(MODEL_NAME_CHARACTERS).describe('Name or alias of a model.');

export const User = z.string().max(512).nullish().describe("The caller's opaque name of its own user.");

/** What OpenAI's services do with a request beside answering it, as far as it can be had here. */
export const serviceFields = {
  user: User,
  safety_identifier: z.string().max(128).nullish(),
  service_tier: z
    .enum(['auto', 'default', 'flex', 'scale', 'priority', 'fast'])
    .nullish()
    .describe("There is one tier, which the answer calls 'default'."),
  prompt_cache_key: z.string().nullish(),
  prompt_cache_retention: limited(
    z.literal('in_memory').nullish(),
    "prompt prefixes are cached in memory only; leave it out or send 'in_memory'",
  ),
  prompt_cache_options: limited(
    z.strictObject({ mode: z.literal('implicit').optional() }).nullish(),
    'prompt prefixes are cached by their content, without break points or lifetimes; leave it out',
  ),
};

/** How long answers shall be. Models are not told, and whoever asked for something else than usual is. */
export const Verbosity = z.enum(['low', 'medium', 'high']).nullish().describe('Taken and told: models are not told.');

/** @param place where a caller can say it to the model. */
export const verbosityWarnings = (path: string, verbosity: z.output<typeof Verbosity>, place: string): string[] =>
  verbosity == null || verbosity === 'medium'
    ? []
    : [`'${path}' changed nothing: models are not told; ask for short or long answers in ${place}`];

/** How tokens are chosen: OpenAI's parameters and, under llama.cpp's names, those that it does not have. */
export const samplingFields = {
  temperature: Sampling.shape.temperature.nullable(),
  top_p: Sampling.shape.topP.nullable(),
  top_k: z.int().min(-1).nullish().describe('Extension. Keep the k most probable tokens; 0 and -1 keep all.'),
  min_p: Sampling.shape.minP.nullable(),
  repeat_penalty: Sampling.shape.repeatPenalty.nullable(),
  repetition_penalty: limited(z.literal(1).nullish(), "use 'repeat_penalty'"),
  frequency_penalty: Sampling.shape.frequencyPenalty.nullable(),
  presence_penalty: Sampling.shape.presencePenalty.nullable(),
  seed: z.int().nullish(),
  logit_bias: Sampling.shape.logitBias.nullable(),
  ...llamaCppFields,
};

const SEEDS = 2 ** 32;

/** Seeds of the wire are 64-bit and may be negative: folded to 32 bits, so that equal seeds stay equal. */
export const foldSeed = (seed: number): number => ((seed % SEEDS) + SEEDS) % SEEDS;

export const readSampling = (body: z.output<z.ZodObject<typeof samplingFields>>): Sampling | undefined => {
  const own = present<Omit<Sampling, 'repeatLastTokens' | 'xtc' | 'dry'>>({
    temperature: body.temperature,
    topP: body.top_p,
    topK: body.top_k === -1 ? 0 : body.top_k,
    minP: body.min_p,
    seed: body.seed == null ? undefined : foldSeed(body.seed),
    frequencyPenalty: body.frequency_penalty,
    presencePenalty: body.presence_penalty,
    repeatPenalty: body.repeat_penalty,
    logitBias: body.logit_bias && Object.keys(body.logit_bias).length > 0 ? body.logit_bias : undefined,
  });
  const further = readLlamaCppSampling(body);
  return own || further ? { ...own, ...further } : undefined;
};

export const Stop = z
  .union([z.string().min(1), z.array(z.string().min(1)).max(16)], 'expected a non-empty string or up to 16 of them')
  .nullish();

export const readStop = (stop: z.output<typeof Stop>): string[] | undefined => {
  if (stop == null || stop.length === 0) return undefined;
  return typeof stop === 'string' ? [stop] : stop;
};

export const Choices = GenerateRequest.shape.choices.nullable();
export const MaxTokens = GenerateRequest.shape.maxTokens.nullable();
/** The same under the name for which LM Studio's clients send -1 where they want none. */
export const OldMaxTokens = LimitOrNone.describe('-1 is none.');
/**
 * The limit of tokens, from the parameters that may say it; those that are sent must agree. -1 stands for none, which is
 * undefined here as well: `said` tells the difference.
 */
export const readLimit = (
  limits: Readonly<Record<string, number | null | undefined>>,
): { readonly said: boolean; readonly maxTokens: number | undefined } => {
  const sent = Object.entries(limits).filter((entry): entry is [string, number] => entry[1] != null);
  const [first, ...others] = sent;
  if (!first) return { said: false, maxTokens: undefined };
  const other = others.find(([, value]) => value !== first[1]);
  if (other) throw invalid(first[0], `'${first[0]}' is ${first[1]} and '${other[0]}' is ${other[1]}; send one of them`);
  return { said: true, maxTokens: first[1] === -1 ? undefined : first[1] };
};

export const TopLogprobs = z.int().min(0).max(20).nullish();

/** Under llama-server's name; adapters have names here, not numbers. */
export const Lora = z
  .array(AdapterChoice)
  .max(16)
  .nullish()
  .describe("Extension. Adapters of the model that this request uses, by name, each with its 'scale'.");

/** GBNF, llama.cpp's grammar notation. */
export const Grammar = z.string().min(1).nullish();
