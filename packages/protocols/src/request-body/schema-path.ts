import type { z } from 'zod';

type Schema = z.core.$ZodType;

/** A schema with everything that it wraps or chooses between. */
const expand = (schema: Schema): Schema[] => {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'optional':
    case 'nullable':
      return [schema, ...expand(def.innerType)];
    case 'union':
      return [schema, ...def.options.flatMap(expand)];
    default:
      return [schema];
  }
};

const step = (schema: Schema, key: PropertyKey): Schema[] => {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'object': {
      const field = Object.hasOwn(def.shape, key) ? def.shape[key as string] : undefined;
      return field ? expand(field) : [];
    }
    case 'array':
      return expand(def.element);
    case 'record':
      return expand(def.valueType);
    default:
      return [];
  }
};

/** Every schema that may check the value at `path`, over all branches of unions. */
export const schemasAt = (root: Schema, path: readonly PropertyKey[]): Schema[] =>
  path.reduce<Schema[]>((schemas, key) => schemas.flatMap((schema) => step(schema, key)), expand(root));

/** The keys that an object at `path` may have. */
export const knownKeys = (root: Schema, path: readonly PropertyKey[]): string[] => [
  ...new Set(
    schemasAt(root, path).flatMap((schema) => {
      const { def } = (schema as z.core.$ZodTypes)._zod;
      return def.type === 'object' ? Object.keys(def.shape) : [];
    }),
  ),
];
