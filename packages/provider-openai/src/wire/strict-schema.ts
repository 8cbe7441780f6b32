import type { JsonSchema } from '@golek/providers-spi';

/** OpenAI takes letters, digits, `_` and `-`, at most 64. */
const schemaName = (name: string | undefined): string => (name ?? 'answer').replaceAll(/[^\w-]/g, '_').slice(0, 64);

/** A schema is a promise here; without `strict` it would be a wish there. */
export const strictSchema = (name: string | undefined, schema: JsonSchema): object => ({
  name: schemaName(name),
  schema,
  strict: true,
});
