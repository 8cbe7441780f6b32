import { z } from 'zod';
import type { ConfigSection } from './config-section.ts';

/** JSON Schema (draft 2020-12) of the configuration file, for editors. */
export const configurationJsonSchema = (sections: readonly ConfigSection[]): z.core.JSONSchema.BaseSchema => {
  const shape = Object.fromEntries(sections.map(({ name, schema }) => [name, schema.optional()]));
  return z.toJSONSchema(z.strictObject(shape), { io: 'input', unrepresentable: 'any' });
};
