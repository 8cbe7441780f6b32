import type { z } from 'zod';
import { describeIssue } from '@golek/api';
import type { ConfigKey, JsonSchemaNode } from './config-key.ts';
import { MASK } from './secret-values.ts';
import { typePhrase } from './type-phrase.ts';

/** What a failed check of one key means to the person who wrote the value; `path` leads to the offending part inside the value. */
export const issueMessage = (
  key: ConfigKey,
  value: unknown,
  error: z.core.$ZodError,
): { readonly message: string; readonly path: readonly PropertyKey[] } => {
  const [issue] = error.issues;
  const path = issue?.path ?? [];
  if (issue?.code === 'custom') return { path, message: `'${key.key}' is invalid: ${issue.message}` };
  if (path.length === 0 && issue?.code !== 'unrecognized_keys') {
    return {
      path,
      message: `'${key.key}' must be ${typePhrase(key.json)}${key.secrets ? '' : `, got ${shown(value)}`}${quotesHint(key, value)}`,
    };
  }
  if (key.secret) return { path, message: `'${key.key}' must be ${typePhrase(key.json)}` };
  const described = describeIssue(error, masked(key, value), (parent) => knownKeys(key.json, parent));
  const at = issue?.code === 'unrecognized_keys' ? [...path, issue.keys[0] ?? ''] : path;
  return { path: at, message: `in '${key.key}': ${described.message}` };
};

/** Messages show what was wrong. Where a secret may be, every text is hidden: one in the wrong place is still a secret. */
const masked = (key: ConfigKey, value: unknown): unknown => (key.secrets ? hidden(value) : value);

const hidden = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(hidden);
  if (typeof value !== 'object' || value === null) return value === undefined ? undefined : MASK;
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, hidden(child)]));
};

const shown = (value: unknown): string => {
  const text = typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
};

const quotesHint = (key: ConfigKey, value: unknown): string =>
  typeof value === 'string' && /^(integer|number|boolean)$/.test(String(key.json.type))
    ? ' (a text: remove the quotes?)'
    : '';

const knownKeys = (json: JsonSchemaNode, path: readonly PropertyKey[]): readonly string[] => {
  const node = path.reduce<JsonSchemaNode | undefined>((found, segment) => {
    if (typeof segment === 'number') return found?.items as JsonSchemaNode | undefined;
    return found?.properties?.[String(segment)] as JsonSchemaNode | undefined;
  }, json);
  return [node, ...((node?.anyOf ?? []) as readonly JsonSchemaNode[])].flatMap((one) =>
    Object.keys(one?.properties ?? {}),
  );
};
