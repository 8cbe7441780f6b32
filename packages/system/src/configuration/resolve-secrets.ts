import type { ConfigKey } from './config-key.ts';
import type { ConfigProblem, ConfigValue } from './config-source.ts';
import type { Environment } from './environment-layer.ts';
import { isReference, resolveReference } from './secret-reference.ts';
import { mapSecrets, MASK } from './secret-values.ts';

/** A value whose secrets were fetched. */
export interface FetchedValue extends ConfigValue {
  readonly resolved: unknown;
}

/** The written value of each key that beat the others. */
export type Winners = ReadonlyMap<string, FetchedValue>;

/** Puts what `env:` and `file:` refer to in the place of secrets. */
export const fetchSecrets = (
  value: ConfigValue,
  key: ConfigKey,
  environment: Environment,
): { readonly value: FetchedValue; readonly problems: readonly ConfigProblem[] } => {
  if (!key.secrets) return { value: { ...value, resolved: value.value }, problems: [] };
  const problems: ConfigProblem[] = [];
  const resolved = mapSecrets(key.json, value.value, (secret, path) => {
    if (!isReference(secret)) return secret;
    const found = resolveReference(secret, environment);
    if ('value' in found) return found.value;
    const source = value.locate?.(path) ?? value.source;
    problems.push({ source, key: key.key, message: `'${key.key}' ${found.problem}` });
    return secret;
  });
  return { value: { ...value, resolved }, problems };
};

/** Whether a value has a secret that stands there in clear, or one by reference. */
export const secretKinds = (
  value: unknown,
  key: ConfigKey,
): { readonly clear: boolean; readonly reference: boolean } => {
  let clear = false;
  let reference = false;
  if (key.secrets)
    mapSecrets(key.json, value, (secret) => {
      if (isReference(secret)) reference = true;
      else clear = true;
      return secret;
    });
  return { clear, reference };
};

/** The files that secrets are in. */
export const secretFiles = (value: unknown, key: ConfigKey): readonly string[] => {
  const files: string[] = [];
  if (key.secrets)
    mapSecrets(key.json, value, (secret) => {
      if (isReference(secret) && secret.startsWith('file:')) files.push(secret.slice('file:'.length));
      return secret;
    });
  return files;
};

/** A written value as it may be shown: references stay, secrets in clear do not. */
export const shownValue = (value: unknown, key: ConfigKey): unknown =>
  mapSecrets(key.json, value, (secret) => (isReference(secret) ? secret : MASK));
