import { JsonSchema, KEEP_ALIVE_FORMS, keepAliveMs, type GenerateRequest, type OutputFormat } from '@golek/api';
import { z } from 'zod';
import { TopLogprobs } from '../openai/common-fields.ts';
import { invalid } from '../request-body/parse-body.ts';
import { ModelOptions } from './model-options.ts';

export { ModelName } from '../openai/common-fields.ts';

/** How long the model stays after this request. */
export const KeepAlive = z
  .union([z.number(), z.string()], 'expected a duration or a number of seconds')
  .nullish()
  .describe(`How long the model stays after this request: ${KEEP_ALIVE_FORMS}.`);

/** Milliseconds; undefined where nothing is said. Throws `invalid_request`. */
const readKeepAlive = (value: z.output<typeof KeepAlive>): number | undefined => {
  if (value == null || value === '') return undefined;
  const ms = keepAliveMs(value);
  if (ms === undefined) throw invalid('keep_alive', `'keep_alive' is '${value}'; give ${KEEP_ALIVE_FORMS}`);
  return ms;
};

/** What every body that uses a model says of its life. */
export const readUse = <P>(
  { model, keep_alive: keepAlive }: { readonly model: string; readonly keep_alive?: z.output<typeof KeepAlive> },
  params: P,
): { readonly model: string; readonly params: P; readonly keepAliveMs?: number } => {
  const ms = readKeepAlive(keepAlive);
  return { model, params, ...(ms !== undefined && { keepAliveMs: ms }) };
};

const Format = z
  .union(
    [z.literal(''), z.literal('json'), JsonSchema],
    "expected 'json' or an object, the JSON Schema that the answer must match",
  )
  .nullish();

const Think = z
  .union(
    [z.boolean(), z.enum(['low', 'medium', 'high', 'max'])],
    "expected true, false, 'low', 'medium', 'high' or 'max'",
  )
  .nullish();

/** What POST /api/generate and /api/chat have in common, beside the input. */
export const answerFields = {
  stream: z.boolean().nullish().describe('Default true.'),
  format: Format,
  think: Think,
  keep_alive: KeepAlive,
  options: ModelOptions.nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: TopLogprobs,
  truncate: z.boolean().nullish(),
  shift: z.boolean().nullish(),
};
type AnswerFields = z.output<z.ZodObject<typeof answerFields>>;

export const readFormat = (format: AnswerFields['format']): OutputFormat | undefined => {
  if (format == null || format === '') return undefined;
  return format === 'json' ? { type: 'json' } : { type: 'json-schema', schema: format };
};

type Reasoning = NonNullable<Extract<GenerateRequest['input'], { type: 'chat' }>['reasoning']>;

export const readThink = (think: AnswerFields['think']): Reasoning | undefined => {
  if (think == null) return undefined;
  return typeof think === 'boolean' ? { enabled: think } : { effort: think };
};

/** Throws `invalid_request` for alternatives without log-probabilities. */
export const readLogprobs = ({ logprobs, top_logprobs: top }: AnswerFields): { readonly top: number } | undefined => {
  if (logprobs) return { top: top ?? 0 };
  if (top != null && top > 0) throw invalid('top_logprobs', "'top_logprobs' needs 'logprobs': true");
  return undefined;
};

/** What of the fields changes nothing here. */
export const contextWarnings = ({ truncate, shift }: AnswerFields): string[] => [
  ...(truncate ? ["'truncate' changed nothing: a conversation that does not fit is refused"] : []),
  ...(shift ? ["'shift' changed nothing: contextOverflow of the model's entry in models.list decides it"] : []),
];
