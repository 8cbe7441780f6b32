type Schema = Readonly<Record<string, unknown>>;
type Find = (pointer: string) => unknown;

const MAX_STEPS = 16;

/** True when it is plain that no value matches two of the schemas, as `oneOf` asks: other types, other values, or another tag. */
export const alternativesExclude = (branches: readonly unknown[], find: Find): boolean => {
  const resolved = branches.map((branch) => resolve(branch, find));
  return resolved.every((one, i) => resolved.slice(i + 1).every((other) => exclude(one, other, find)));
};

const resolve = (node: unknown, find: Find): Schema | undefined => {
  let schema = node;
  for (let step = 0; step < MAX_STEPS; step++) {
    if (typeof schema !== 'object' || schema === null) return undefined;
    const pointer = (schema as Schema)['$ref'];
    if (typeof pointer !== 'string') return schema as Schema;
    schema = find(pointer);
  }
  return undefined;
};

const exclude = (one: Schema | undefined, other: Schema | undefined, find: Find): boolean => {
  if (!one || !other) return false;
  const [values, otherValues] = [valuesOf(one), valuesOf(other)];
  if (values && otherValues) return disjoint(values, otherValues);
  const [types, otherTypes] = [typesOf(one, values), typesOf(other, otherValues)];
  if (!types || !otherTypes) return false;
  if (disjoint(types, otherTypes)) return true;
  return types.join() === 'object' && otherTypes.join() === 'object' && tagsExclude(one, other, find);
};

/** A property that both require and that never has the same value in both. */
const tagsExclude = (one: Schema, other: Schema, find: Find): boolean => {
  const required = (schema: Schema): unknown[] => (Array.isArray(schema['required']) ? schema['required'] : []);
  const property = (schema: Schema, name: string): readonly string[] | undefined => {
    const properties = schema['properties'];
    const found =
      typeof properties === 'object' && properties !== null ? resolve((properties as Schema)[name], find) : undefined;
    return found && valuesOf(found);
  };
  return required(one)
    .filter((name): name is string => typeof name === 'string' && required(other).includes(name))
    .some((name) => {
      const [values, otherValues] = [property(one, name), property(other, name)];
      return values !== undefined && otherValues !== undefined && disjoint(values, otherValues);
    });
};

/** The values of `const` or `enum` as JSON; undefined when there may be others. */
const valuesOf = (schema: Schema): readonly string[] | undefined => {
  if ('const' in schema) return [JSON.stringify(schema['const'])];
  const listed = schema['enum'];
  return Array.isArray(listed) ? listed.map((value) => JSON.stringify(value)) : undefined;
};

const typesOf = (schema: Schema, values: readonly string[] | undefined): readonly string[] | undefined => {
  if (values) return [...new Set(values.map(typeOfJson))];
  const declared = schema['type'];
  if (declared === undefined) return undefined;
  const types: unknown[] = Array.isArray(declared) ? declared : [declared];
  return types.map((type) => (type === 'integer' ? 'number' : String(type)));
};

const typeOfJson = (json: string): string => {
  const value: unknown = JSON.parse(json);
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
};

const disjoint = (a: readonly string[], b: readonly string[]): boolean => !a.some((value) => b.includes(value));
