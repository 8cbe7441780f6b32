import type { JsonSchemaNode } from './config-key.ts';

const shown = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : JSON.stringify(value));

/** Zod bounds every integer by the safe ones; these bounds say nothing to people. */
const bound = (value: unknown): number | undefined =>
  typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : undefined;

const range = (json: JsonSchemaNode): string => {
  const low = bound(json.minimum);
  const high = bound(json.maximum);
  if (low !== undefined && high !== undefined) return ` from ${low} to ${high}`;
  if (low !== undefined) return ` of at least ${low}`;
  if (high !== undefined) return ` of at most ${high}`;
  const above = bound(json.exclusiveMinimum);
  return above === undefined ? '' : ` above ${above}`;
};

/** What a key takes, in words: `an integer from 1 to 65535`, `one of 'json', 'pretty'`. */
export const typePhrase = (json: JsonSchemaNode): string => {
  if (json.const !== undefined) return shown(json.const);
  if (json.enum) return `one of ${json.enum.map(shown).join(', ')}`;
  if (json.anyOf) return json.anyOf.map(typePhrase).join(' or ');
  switch (json.type) {
    case 'integer':
      return `an integer${range(json)}`;
    case 'number':
      return `a number${range(json)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return (json.minLength ?? 0) > 0 ? 'a non-empty text' : 'a text';
    case 'array': {
      const item = json.items as JsonSchemaNode | undefined;
      return item ? `a list, each ${typePhrase(item)}` : 'a list';
    }
    case 'object': {
      const names = Object.keys(json.properties ?? {});
      return names.length > 0 ? `a map with ${names.join(', ')}` : 'a map';
    }
    case 'null':
      return 'null';
    default:
      return 'any value';
  }
};
