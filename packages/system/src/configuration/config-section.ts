import { z } from 'zod';

/**
 * A named part of the configuration. An object schema gives the keys `name.key`; any other schema gives the one key `name`. Mark a
 * secret with `.meta({ secret: true })`: its value is never printed.
 */
export interface ConfigSection<Schema extends z.ZodType = z.ZodType> {
  readonly name: string;
  readonly schema: Schema;
}

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** The type of a section's values. */
export type ConfigOf<Section extends ConfigSection> = DeepReadonly<z.output<Section['schema']>>;

/** @example export const httpConfig = configSection('http', z.strictObject({ port: z.int().default(8080).describe('…') })); */
export const configSection = <Schema extends z.ZodType>(name: string, schema: Schema): ConfigSection<Schema> =>
  Object.freeze({ name, schema });

/** The schema inside of defaults and optionals. */
export const unwrapped = (schema: z.ZodType): z.ZodType => {
  let inner: z.ZodType = schema;
  while (
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodPrefault ||
    inner instanceof z.ZodOptional ||
    inner instanceof z.ZodNonOptional ||
    inner instanceof z.ZodReadonly
  ) {
    inner = inner.unwrap() as z.ZodType;
  }
  return inner;
};
