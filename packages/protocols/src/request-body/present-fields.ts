import { z } from 'zod';

/** The fields of an object's schema, and those that a body must have. */
interface Fields {
  readonly byName: ReadonlyMap<string, z.core.$ZodType>;
  readonly required: readonly string[];
}

const known = new WeakMap<z.ZodType, Fields | 'whole'>();

/** `whole` for a schema that is more than its fields: one that is no strict object, or that checks relations between them. */
const fieldsOf = (schema: z.ZodType): Fields | 'whole' => {
  if (!(schema instanceof z.ZodObject)) return 'whole';
  const { catchall, checks = [], shape } = schema.def;
  if (catchall?._zod.def.type !== 'never' || checks.length > 0) return 'whole';
  const fields = Object.entries<z.core.$ZodType>(shape);
  const isOptional = (field: z.core.$ZodType): boolean => {
    const absent = z.safeParse(field, undefined);
    return absent.success && absent.data === undefined;
  };
  return {
    byName: new Map(fields),
    required: fields.filter(([, field]) => !isOptional(field)).map(([name]) => name),
  };
};

/**
 * The value of a body whose fields are all as the schema wants them, as the schema gives it; undefined for every other body and schema. Only fields that the body has are looked at:
 * most requests have few of a protocol's many parameters, and for each absent one zod makes two objects, a tenth of the garbage of a request.
 */
export const parsePresent = <S extends z.ZodType>(schema: S, body: unknown): z.output<S> | undefined => {
  let fields = known.get(schema);
  if (!fields) known.set(schema, (fields = fieldsOf(schema)));
  if (fields === 'whole' || typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
  for (const name of fields.required) if (!Object.hasOwn(body, name)) return undefined;
  const value: Record<string, unknown> = {};
  for (const name of Object.keys(body)) {
    const field = fields.byName.get(name);
    const read = field && z.safeParse(field, (body as Record<string, unknown>)[name]);
    if (!read?.success) return undefined;
    value[name] = read.data;
  }
  return value as z.output<S>;
};
