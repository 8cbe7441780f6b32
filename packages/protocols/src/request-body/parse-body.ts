import { describeIssue, GolekError } from '@golek/api';
import type { z } from 'zod';
import { parsePresent } from './present-fields.ts';
import { REFUSALS, type Refusal } from './refusals.ts';
import { knownKeys, schemasAt } from './schema-path.ts';

const refusalsAt = (schema: z.ZodType, path: readonly PropertyKey[]): Refusal[] =>
  schemasAt(schema, path).flatMap((part) => REFUSALS.get(part as z.ZodType) ?? []);

/** The remedy for a failure at `path`: that of the value itself, of its variant, or of what contains it. */
const remedyFor = (schema: z.ZodType, path: readonly PropertyKey[], value: unknown): string | undefined => {
  for (const { variants } of refusalsAt(schema, path.slice(0, -1))) {
    if (variants && typeof value === 'string' && Object.hasOwn(variants, value)) return variants[value];
  }
  for (let length = path.length; length > 0; length -= 1) {
    const refusal = refusalsAt(schema, path.slice(0, length)).find(({ remedy }) => remedy !== undefined);
    if (refusal) return refusal.remedy;
  }
  return undefined;
};

const valueAt = (root: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], root);

/** What stands where an object has to, without its content: it may be a prompt. */
const kindOf = (body: unknown): string => {
  if (Array.isArray(body)) return 'an array';
  return body === null || body === undefined ? String(body) : `a ${typeof body}`;
};

const rejection = (schema: z.ZodType, error: z.ZodError, body: unknown): GolekError => {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return new GolekError('invalid_request', `the whole value is ${kindOf(body)}; send a JSON object`, {
      details: { path: '' },
    });
  }
  const { path, keys, message, unknownKey } = describeIssue(error, body, (at) => knownKeys(schema, at));
  const details = { path };
  if (unknownKey) return new GolekError('unknown_parameter', message, { details });
  const value = valueAt(body, keys);
  const remedy = value === undefined ? undefined : remedyFor(schema, keys, value);
  if (remedy === undefined) return new GolekError('invalid_request', message, { details });
  const shown = typeof value === 'string' && value.length <= 40 ? ` '${value}'` : '';
  return new GolekError('unsupported', `'${path}'${shown} is not supported: ${remedy}`, { details });
};

/**
 * Checks a request body against its schema. The error names the field in `details.path`: `invalid_request` for a wrong value,
 * `unknown_parameter` for a key that the protocol does not have, `unsupported` for what it has and Golek cannot honour.
 */
export const parseBody = <S extends z.ZodType>(schema: S, body: unknown): z.output<S> => {
  const present = parsePresent(schema, body);
  if (present !== undefined) return present;
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw rejection(schema, result.error, body);
};

/** A relation between parameters that a schema cannot say. */
export const invalid = (path: string, message: string): GolekError =>
  new GolekError('invalid_request', message, { details: { path } });
