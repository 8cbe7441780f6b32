import { GenerateRequest, Sampling } from '@golek/api';
import { z } from 'zod';
import { present } from '../request-body/present.ts';
import { limited, refused } from '../request-body/refusals.ts';

/** llama.cpp's own where a request turns XTC on without one. */
const DEFAULT_XTC_THRESHOLD = 0.1;

const dry = Sampling.shape.dry.unwrap().shape;

const limitedTo = (value: number, remedy: string): z.ZodType<number | null | undefined> =>
  limited(z.literal(value).nullish(), remedy);

/** A parameter that matters only beside another one, which is refused: any value is as good. */
const withoutEffect = z.number().nullish();

const NO_MIROSTAT = 'the engine has no mirostat sampling; leave it out';

/** A limit of tokens of which -1 is none. */
export const LimitOrNone = z
  .int()
  .min(-1)
  .refine((count) => count !== 0, 'expected -1 or at least 1')
  .nullish();

/** Extensions under the names of llama-server, and of vLLM where llama-server has none. What the engine lacks is named, so that it is refused. */
export const llamaCppFields = {
  repeat_last_n: z
    .int()
    .min(-1)
    .nullish()
    .describe('Extension. Penalties count so many last tokens; -1 is the whole answer, as is its absence; 0 is none.'),
  xtc_probability: z
    .number()
    .min(0)
    .max(1)
    .nullish()
    .describe('Extension. Exclude top choices: how often; 0 is never.'),
  xtc_threshold: z.number().min(0).max(1).nullish().describe(`Extension. Default ${DEFAULT_XTC_THRESHOLD}.`),
  dry_multiplier: dry.multiplier
    .nullish()
    .describe('Extension. Strength of the penalty for repetitions (DRY); 0 is none.'),
  dry_base: dry.base.nullable(),
  dry_allowed_length: dry.allowedLength.nullable(),
  dry_penalty_last_n: z.int().min(-1).nullish().describe('Extension. -1 is the whole answer.'),
  dry_sequence_breakers: dry.sequenceBreakers.nullable(),
  ignore_eos: z.boolean().nullish().describe('Extension. The model may not end its turn.'),
  stop_token_ids: GenerateRequest.shape.stopTokens.nullable(),
  n_predict: LimitOrNone.describe("Extension. Another name of 'max_tokens'; -1 is none."),
  cache_prompt: limited(z.literal(true).nullish(), 'prompt prefixes are cached by their content; leave it out'),
  min_tokens: limitedTo(0, "send 'ignore_eos' with a limit of tokens for an exact length, or leave it out"),
  typical_p: limitedTo(1, 'the engine has no typical sampling; leave it out'),
  top_n_sigma: limited(z.literal([-1, 0]).nullish(), 'the engine has no top-n-sigma sampling; leave it out'),
  mirostat: limitedTo(0, NO_MIROSTAT),
  mirostat_tau: withoutEffect,
  mirostat_eta: withoutEffect,
  dynatemp_range: limitedTo(0, 'the temperature is the same for every token; leave it out'),
  dynatemp_exponent: withoutEffect,
  min_keep: limitedTo(0, 'filters keep one token at least; leave it out'),
  samplers: refused('the order of the samplers is fixed; leave it out'),
  n_probs: refused("use 'logprobs'"),
  json_schema: refused("use 'response_format'"),
};
type LlamaCppFields = z.output<z.ZodObject<typeof llamaCppFields>>;

/** -1 stands for what absence means. */
const unlessAll = (count: number | null | undefined): number | undefined =>
  count == null || count === -1 ? undefined : count;

type OwnSampling = Pick<Sampling, 'repeatLastTokens' | 'xtc' | 'dry'>;

/** What of the sampling these fields say. */
export const readLlamaCppSampling = (body: LlamaCppFields): OwnSampling | undefined =>
  present<OwnSampling>({
    repeatLastTokens: unlessAll(body.repeat_last_n),
    xtc: body.xtc_probability
      ? { probability: body.xtc_probability, threshold: body.xtc_threshold ?? DEFAULT_XTC_THRESHOLD }
      : undefined,
    dry: body.dry_multiplier
      ? present<NonNullable<Sampling['dry']>>({
          multiplier: body.dry_multiplier,
          base: body.dry_base,
          allowedLength: body.dry_allowed_length,
          lastTokens: unlessAll(body.dry_penalty_last_n),
          sequenceBreakers: body.dry_sequence_breakers,
        })
      : undefined,
  });

/** What else of a request these fields say. */
export const readLlamaCppOptions = (body: LlamaCppFields): Pick<GenerateRequest, 'ignoreEos' | 'stopTokens'> => ({
  ...(body.ignore_eos && { ignoreEos: true }),
  ...(body.stop_token_ids?.length && { stopTokens: body.stop_token_ids }),
});
