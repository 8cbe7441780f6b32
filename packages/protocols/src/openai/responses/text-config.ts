import type { OutputFormat } from '@golek/api';
import { JsonSchema } from '@golek/api';
import { z } from 'zod';
import { invalid } from '../../request-body/parse-body.ts';
import { Verbosity } from '../common-fields.ts';
import { readOutput } from '../response-format.ts';

const TextFormat = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('text') }),
    z.strictObject({ type: z.literal('json_object') }),
    z.strictObject({
      type: z.literal('json_schema'),
      name: z.string().min(1).max(64),
      schema: JsonSchema,
      description: z.string().nullish(),
      strict: z.boolean().nullish(),
    }),
  ],
  "expected 'text', 'json_object' or 'json_schema'",
);

/** The form of the text. */
export const TextConfig = z
  .strictObject({
    format: TextFormat.nullish(),
    verbosity: Verbosity,
  })
  .nullish();
type TextConfig = z.output<typeof TextConfig>;

/** As a response repeats it. */
export const TextEcho = z.strictObject({
  format: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('text') }),
    z.strictObject({ type: z.literal('json_object') }),
    z.strictObject({
      type: z.literal('json_schema'),
      name: z.string(),
      schema: JsonSchema,
      description: z.string().exactOptional(),
      strict: z.boolean().nullable(),
    }),
  ]),
  verbosity: z.literal('medium'),
});

export const echoText = (text: TextConfig): z.infer<typeof TextEcho> => {
  const format = text?.format ?? { type: 'text' as const };
  if (format.type !== 'json_schema') return { format, verbosity: 'medium' };
  const { type, name, schema, description, strict } = format;
  return {
    format: { type, name, schema, ...(description != null && { description }), strict: strict ?? null },
    verbosity: 'medium',
  };
};

/** Undefined for free text. Throws `invalid_request` for a grammar beside a format. */
export const readTextConfig = (text: TextConfig, grammar: string | null | undefined): OutputFormat | undefined => {
  const format = text?.format;
  if (format == null || format.type === 'text') return readOutput(undefined, grammar);
  if (grammar != null) {
    throw invalid('grammar', "'grammar' and 'text.format' exclude each other; leave one out");
  }
  if (format.type === 'json_object') return readOutput(format, undefined);
  const { type, ...json_schema } = format;
  return readOutput({ type, json_schema }, undefined);
};
