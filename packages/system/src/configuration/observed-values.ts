import type { ConfigKey } from './config-key.ts';
import { hide, mapSecrets, MASK } from './secret-values.ts';

/**
 * A read-only copy of a section's values that tells which keys are read. Accessors rather than a proxy: they cost nothing measurable and show in a
 * debugger. Copying the whole object (`{...section}`) counts as reading every key, so take values by name. As JSON and in logs it shows `[secret]` for secrets.
 */
export const observed = (
  value: unknown,
  path: readonly string[],
  keys: readonly ConfigKey[],
  onRead: (key: string) => void,
): unknown => {
  if (value === undefined) return undefined;
  const names = new Set(keys.map((key) => key.path[path.length] as string));
  const copy = {};
  const masked: Record<string, unknown> = {};
  for (const name of names) {
    const childPath = [...path, name];
    const key = childPath.join('.');
    const child: unknown = (value as Record<string, unknown>)[name];
    const below = keys.filter(
      (candidate) => candidate.path[path.length] === name && candidate.path.length > childPath.length,
    );
    const shown = below.length > 0 ? observed(child, childPath, below, onRead) : child;
    const leaf = keys.find((candidate) => candidate.key === key);
    masked[name] = leaf ? mapSecrets(leaf.json, child, () => MASK) : shown;
    Object.defineProperty(copy, name, {
      enumerable: true,
      get: () => {
        if (below.length === 0) onRead(key);
        return shown;
      },
    });
  }
  if (keys.some(({ secrets }) => secrets)) hide(copy, masked);
  return Object.freeze(copy);
};
