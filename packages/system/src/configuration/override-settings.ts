import { GolekError, nearest } from '@golek/api';
import type { ConfigKey, OverrideScope } from './config-key.ts';
import { issueMessage } from './issue-message.ts';
import { readTextValue } from './read-text-value.ts';

const WHO: Readonly<Record<OverrideScope, string>> = { tenant: 'for a tenant', request: 'by a request' };

/** Where a key can be set, when not where it was tried. */
const elsewhere = ({ overridable, variable }: ConfigKey): string =>
  `it can be set ${[...overridable.map((scope) => WHO[scope]), `in golek.yaml, as ${variable} or with golek config set`].join(', ')}`;

export type CheckedOverride =
  { readonly value: unknown } | { readonly problem: string; readonly path: readonly PropertyKey[] };

/** Checks that a key may be set in this scope and to this value. */
export const checkOverride = (
  name: string,
  value: unknown,
  scope: OverrideScope,
  keys: readonly ConfigKey[],
): CheckedOverride => {
  const key = keys.find((candidate) => candidate.key === name);
  const allowed = keys.filter(({ overridable }) => overridable.includes(scope)).map((candidate) => candidate.key);
  if (!key) {
    const hint = nearest(name, allowed);
    const remedy = hint ? `did you mean '${hint}'?` : `settings that can be set ${WHO[scope]}: ${allowed.join(', ')}`;
    return { problem: `no setting is named '${name}'; ${remedy}`, path: [] };
  }
  if (!key.overridable.includes(scope))
    return { problem: `'${name}' cannot be set ${WHO[scope]}; ${elsewhere(key)}`, path: [] };
  const result = key.schema.safeParse(value);
  if (result.success) return { value };
  const { message, path } = issueMessage(key, value, result.error);
  return { problem: message, path };
};

const MAX_CHARACTERS = 4096;

/**
 * Reads the settings that a request brings: `key=value; key=value`, or a JSON object. Throws `invalid_request` that names the key and where it can be set.
 *
 * @example readOverrides('reliability.totalTimeoutMs=5000', keys) // { 'reliability.totalTimeoutMs': 5000 }
 */
export const readOverrides = (text: string, keys: readonly ConfigKey[]): Readonly<Record<string, unknown>> => {
  if (text.length > MAX_CHARACTERS) throw refused(`they have more than ${MAX_CHARACTERS} characters`);
  const overrides: Record<string, unknown> = {};
  for (const [name, written] of text.trim().startsWith('{') ? fromObject(text) : fromPairs(text, keys)) {
    const checked = checkOverride(name, written, 'request', keys);
    if ('problem' in checked) throw refused(checked.problem);
    overrides[name] = checked.value;
  }
  return Object.freeze(overrides);
};

const refused = (why: string): GolekError =>
  new GolekError('invalid_request', `the settings of the request are refused: ${why}`);

const fromObject = (text: string): (readonly [string, unknown])[] => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new GolekError('invalid_request', 'the settings of the request are not valid JSON', { cause });
  }
  return Object.entries(value as object);
};

const fromPairs = (text: string, keys: readonly ConfigKey[]): (readonly [string, unknown])[] =>
  text
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '')
    .map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw refused(`'${pair.slice(0, 80)}' is not key=value`);
      const name = pair.slice(0, at).trim();
      const written = pair.slice(at + 1).trim();
      const key = keys.find((candidate) => candidate.key === name);
      const read = key && readTextValue(written, key.json);
      return [name, read && 'value' in read ? read.value : written];
    });
