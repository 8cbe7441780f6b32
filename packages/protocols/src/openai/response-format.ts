import { JsonSchema, type OutputFormat } from '@golek/api';
import { z } from 'zod';
import { invalid } from '../request-body/parse-body.ts';

export const ResponseFormat = z
  .discriminatedUnion(
    'type',
    [
      z.strictObject({ type: z.literal('text') }),
      z.strictObject({ type: z.literal('json_object') }),
      z.strictObject({
        type: z.literal('json_schema'),
        json_schema: z.strictObject({
          name: z.string().min(1).max(64),
          description: z.string().nullish(),
          schema: JsonSchema,
          strict: z.boolean().nullish(),
        }),
      }),
    ],
    "expected 'text', 'json_object' or 'json_schema'",
  )
  .nullish();

/**
 * The output format of a request; undefined for free text. `strict` changes nothing: a schema is always enforced. The
 * format's description becomes the schema's own where that has none.
 */
export const readOutput = (
  format: z.output<typeof ResponseFormat>,
  grammar: string | null | undefined,
): OutputFormat | undefined => {
  const constrained = format && format.type !== 'text';
  if (grammar != null) {
    if (constrained) throw invalid('grammar', "'grammar' and 'response_format' exclude each other; leave one out");
    return { type: 'grammar', grammar };
  }
  if (!constrained) return undefined;
  if (format.type === 'json_object') return { type: 'json' };
  const { name, description, schema } = format.json_schema;
  return { type: 'json-schema', name, schema: description == null ? schema : { description, ...schema } };
};
