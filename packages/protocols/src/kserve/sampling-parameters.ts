import { GolekError, Sampling, type GenerateRequest } from '@golek/api';
import { z } from 'zod';
import { MaxTokens, readStop, Stop } from '../openai/common-fields.ts';
import { parseBody } from '../request-body/parse-body.ts';
import { present } from '../request-body/present.ts';
import { limited, refused } from '../request-body/refusals.ts';
import type { Parameters } from './parameters.ts';

const SEEDS = 2 ** 32;

/** vLLM's own where a request names no limit. */
export const DEFAULT_MAX_TOKENS = 16;

/** vLLM's SamplingParams, as its back end for Triton takes them. */
const SamplingParameters = z.strictObject({
  temperature: Sampling.shape.temperature.nullable(),
  top_p: Sampling.shape.topP.nullable(),
  top_k: z.int().min(-1).nullish(),
  min_p: Sampling.shape.minP.nullable(),
  seed: z.int().nullish(),
  frequency_penalty: Sampling.shape.frequencyPenalty.nullable(),
  presence_penalty: Sampling.shape.presencePenalty.nullable(),
  repetition_penalty: Sampling.shape.repeatPenalty.nullable(),
  logit_bias: Sampling.shape.logitBias.nullable(),
  max_tokens: MaxTokens,
  stop: Stop,
  stop_token_ids: z.array(z.int().min(0)).max(16).nullish(),
  ignore_eos: z.boolean().nullish(),
  n: limited(z.literal(1).nullish(), 'ask once for each answer'),
  best_of: limited(z.literal(1).nullish(), 'leave it out'),
  min_tokens: limited(
    z.literal(0).nullish(),
    "send 'ignore_eos' with a limit of tokens for an exact length, or leave it out",
  ),
  skip_special_tokens: limited(z.literal(true).nullish(), 'special tokens are never in the text; leave it out'),
  spaces_between_special_tokens: z.boolean().nullish(),
  include_stop_str_in_output: limited(
    z.literal(false).nullish(),
    'an answer ends before its stop string; leave it out',
  ),
  use_beam_search: limited(z.literal(false).nullish(), 'tokens are sampled; leave it out'),
  logprobs: refused('ask POST /v1/completions for them'),
  prompt_logprobs: refused('leave it out'),
});

/** Whether a parameter of a request for text is known by its name. */
export const isTextParameter = (name: string): boolean =>
  name === 'stream' || name === 'exclude_input_in_output' || Object.hasOwn(SamplingParameters.shape, name);

/** Clients of Triton send all values as texts now and then. */
const unquoted = (value: unknown): unknown => {
  if (typeof value !== 'string') return value;
  if (/^-?\d+(?:\.\d+)?(?:e-?\d+)?$/i.test(value)) return Number(value);
  return value === 'true' ? true : value === 'false' ? false : value;
};

/** TensorRT-LLM's clients send these lists with every request; an empty one says nothing. */
const WORD_LISTS = new Set(['bad_words', 'stop_words']);

export const isEmptyWordList = (name: string, value: unknown): boolean =>
  WORD_LISTS.has(name) && (value === '' || (Array.isArray(value) && value.length === 0));

const jsonOf = (text: string): object => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new GolekError(
      'invalid_request',
      '\'sampling_parameters\' is no JSON; expected an object such as {"temperature": 0}',
      { cause },
    );
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new GolekError('invalid_request', '\'sampling_parameters\' has to be a JSON object such as {"temperature": 0}');
};

/** What `sampling_parameters` (the text of a JSON object) and the parameters of a request say, in canonical terms; the text counts where both say something. */
export const readSamplingParameters = (
  text: string | undefined,
  parameters: Parameters,
): Pick<GenerateRequest, 'sampling' | 'maxTokens' | 'stop' | 'stopTokens' | 'ignoreEos'> => {
  const sent = Object.entries({ ...parameters, ...(text !== undefined && text !== '' && jsonOf(text)) }).filter(
    ([name, value]) => !isEmptyWordList(name, value),
  );
  const body = parseBody(
    SamplingParameters,
    Object.fromEntries(sent.map(([name, value]) => [name, name === 'stop' ? value : unquoted(value)])),
  );
  const sampling = present<
    Pick<
      Sampling,
      | 'temperature'
      | 'topP'
      | 'topK'
      | 'minP'
      | 'seed'
      | 'frequencyPenalty'
      | 'presencePenalty'
      | 'repeatPenalty'
      | 'logitBias'
    >
  >({
    temperature: body.temperature,
    topP: body.top_p,
    topK: body.top_k === -1 ? 0 : body.top_k,
    minP: body.min_p,
    seed: body.seed == null ? undefined : ((body.seed % SEEDS) + SEEDS) % SEEDS,
    frequencyPenalty: body.frequency_penalty,
    presencePenalty: body.presence_penalty,
    repeatPenalty: body.repetition_penalty,
    logitBias: body.logit_bias,
  });
  const stop = readStop(body.stop);
  return {
    ...(sampling && { sampling }),
    ...(body.max_tokens != null && { maxTokens: body.max_tokens }),
    ...(stop && { stop }),
    ...(body.stop_token_ids?.length && { stopTokens: body.stop_token_ids }),
    ...(body.ignore_eos === true && { ignoreEos: true }),
  };
};
