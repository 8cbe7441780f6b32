import type { StoredValue } from '@golek/api';
import { checkSections } from './check-sections.ts';
import type { ConfigKey } from './config-key.ts';
import type { ConfigProblem } from './config-source.ts';
import { changedKeys } from './configuration.ts';
import type { ConfigurationState } from './configuration-control.ts';
import { resolveLayers, type ConfigurationLayers } from './resolve-layers.ts';
import type { FetchedValue, Winners } from './resolve-secrets.ts';
import { secretFiles } from './resolve-secrets.ts';

export interface ProposedState {
  readonly state: ConfigurationState;
  /** Keys whose value in force would change. */
  readonly changed: readonly ConfigKey[];
  /** Keys whose new value waits for a restart, and did not wait before. */
  readonly restart: readonly ConfigKey[];
}

/**
 * What the configuration would be with other layers: keys that are live take their new values, others keep theirs until a restart. Both must be valid. Pure, but
 * for files that secrets are in.
 */
export const propose = (
  layers: ConfigurationLayers,
  keys: readonly ConfigKey[],
  { inForce: before, afterRestart: waiting }: ConfigurationState,
): { readonly problems: readonly ConfigProblem[] } | ProposedState => {
  const next = resolveLayers(layers);
  if (next.problems.length > 0) return { problems: next.problems };
  const differing = new Set(changedKeys(keys, before, next).filter(({ live }) => !live));
  const { sections } = layers;
  const winners = mixed(keys, before.winners, next.winners, differing);
  const inForce = differing.size === 0 ? next : checkSections({ sections, keys, winners, known: [] });
  if (inForce.problems.length > 0) return { problems: inForce.problems.map(untilRestart) };
  const restart = changedKeys(keys, waiting, next).filter((key) => differing.has(key));
  return {
    state: { layers, values: next.values, inForce, afterRestart: differing.size === 0 ? inForce : next },
    changed: changedKeys(keys, before, inForce),
    restart,
  };
};

const untilRestart = (problem: ConfigProblem): ConfigProblem => ({
  ...problem,
  message: `${problem.message} (together with keys that change at the next restart only)`,
});

/** The new values, but the old ones of keys that need a restart. */
const mixed = (keys: readonly ConfigKey[], before: Winners, next: Winners, kept: ReadonlySet<ConfigKey>): Winners => {
  const winners = new Map<string, FetchedValue>();
  for (const key of keys) {
    const value = (kept.has(key) ? before : next).get(key.key);
    if (value) winners.set(key.key, value);
  }
  return winners;
};

/** Layers with one stored value more, or less. */
export const withStored = (
  layers: ConfigurationLayers,
  store: string,
  key: string,
  value: StoredValue | undefined,
): ConfigurationLayers => {
  const values = new Map(layers.stored?.values);
  if (value) values.set(key, value);
  else values.delete(key);
  return { ...layers, stored: { store, values } };
};

/** Files that the secrets in force are in. */
export const filesOfSecrets = (keys: readonly ConfigKey[], winners: Winners): readonly string[] => [
  ...new Set(keys.flatMap((key) => secretFiles(winners.get(key.key)?.value, key))),
];
