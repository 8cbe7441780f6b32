import type { ConfigKey } from './config-key.ts';
import type { ConfigSection } from './config-section.ts';

/** The value of a key inside the values of its section. */
export const valueAt = (section: unknown, key: ConfigKey): unknown =>
  key.path.slice(1).reduce<unknown>((parent, name) => (parent as Record<string, unknown> | undefined)?.[name], section);

/** What was written for the keys of a section, as one value for its schema. */
export const rawSection = (
  section: ConfigSection,
  own: readonly ConfigKey[],
  written: (key: string) => unknown,
): unknown => {
  if (own[0]?.path.length === 1) return written(section.name);
  const root: Record<string, unknown> = {};
  for (const key of own) {
    const value = written(key.key);
    if (value === undefined) continue;
    let parent = root;
    for (const segment of key.path.slice(1, -1)) parent = (parent[segment] ??= {}) as Record<string, unknown>;
    parent[key.path.at(-1) as string] = value;
  }
  return root;
};

export const keysOf = (section: ConfigSection, keys: readonly ConfigKey[]): readonly ConfigKey[] =>
  keys.filter((key) => key.path[0] === section.name);

export const deepFrozen = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFrozen);
  }
  return value;
};
