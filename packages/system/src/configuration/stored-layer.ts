import { nearest, type StoredValue } from '@golek/api';
import type { ConfigKey } from './config-key.ts';
import type { ConfigProblem, ConfigValue, LayerValues } from './config-source.ts';
import { secretKinds } from './resolve-secrets.ts';

/** What `golek config set` and the admin API wrote, by key. */
export interface StoredSettings {
  /** Name of the store, for messages. */
  readonly store: string;
  readonly values: ReadonlyMap<string, StoredValue>;
}

/** Why a store may not hold this value; undefined when it may. */
export const refusalToStore = (key: ConfigKey, value: unknown): string | undefined => {
  if (!key.storable)
    return `'${key.key}' says where settings or code come from and cannot be stored; set it as ${key.variable}, with ${key.flag} or in golek.yaml`;
  if (secretKinds(value, key).clear)
    return `'${key.key}' holds a secret, which is not stored in clear; give env:NAME or file:/path in its place`;
  return undefined;
};

export const storedLayer = ({ store, values: stored }: StoredSettings, keys: readonly ConfigKey[]): LayerValues => {
  const byName = new Map(keys.map((key) => [key.key, key]));
  const values: ConfigValue[] = [];
  const problems: ConfigProblem[] = [];
  for (const [name, { value, revision }] of stored) {
    const source = { layer: 'stored', store, revision } as const;
    const key = byName.get(name);
    const remedy = `remove it with: golek config unset ${name}`;
    if (!key) {
      const hint = nearest(name, byName.keys());
      const message = `no setting is named '${name}'${hint ? `; did you mean '${hint}'?` : ''}; ${remedy}`;
      problems.push({ source, key: name, message });
      continue;
    }
    const refusal = refusalToStore(key, value);
    if (refusal === undefined) values.push({ key: name, value, source });
    else problems.push({ source, key: name, message: `${refusal}; ${remedy}` });
  }
  return { values, problems };
};
