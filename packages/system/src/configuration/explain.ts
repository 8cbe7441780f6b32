import { isDeepStrictEqual } from 'node:util';
import type { CheckedValues } from './check-sections.ts';
import type { ConfigKey } from './config-key.ts';
import { sourceText, type ConfigValue } from './config-source.ts';
import type { ConfigExplanation, ConfigScope, ShownValue } from './configuration.ts';
import type { ConfigurationState } from './configuration-control.ts';
import { shownValue } from './resolve-secrets.ts';
import { mapSecrets, MASK } from './secret-values.ts';
import { valueAt } from './section-values.ts';

/** Says which layer the value of a key comes from, which lost, and what a restart would change. */
export const explain = (key: ConfigKey, state: ConfigurationState, scope: ConfigScope): ConfigExplanation => {
  const written = state.values.filter((value) => value.key === key.key).map((value) => shownOf(value, key));
  const stored = state.values.find((value) => value.key === key.key && value.source.layer === 'stored')?.source;
  const base = inForceOf(key, state.inForce);
  const present = [...written.filter(({ source }) => source !== base.source), base];
  const all = [...present, ...scopedValues(key, state.inForce, scope)];
  const later = inForceOf(key, state.afterRestart);
  const pending = !isDeepStrictEqual(valueOf(key, state.inForce), valueOf(key, state.afterRestart));
  const { description } = key.json;
  // What waits for the restart has not lost.
  const lost = all.slice(0, -1).filter(({ source }) => !pending || source !== later.source);
  return {
    key: key.key,
    ...(all.at(-1) as ShownValue),
    secret: key.secrets,
    overrides: lost,
    live: key.live,
    overridable: key.overridable,
    ...(pending && { pending: later }),
    ...(stored?.layer === 'stored' && { revision: stored.revision }),
    ...(description !== undefined && { description }),
  };
};

const valueOf = (key: ConfigKey, { parsed }: CheckedValues): unknown => valueAt(parsed.get(key.path[0] ?? ''), key);

const shownOf = ({ value, source }: ConfigValue, key: ConfigKey): ShownValue => ({
  value: shownValue(value, key),
  layer: source.layer,
  source: sourceText(source),
});

/** The value of the configuration as a whole; with what the schema adds to what was written. */
const inForceOf = (key: ConfigKey, checked: CheckedValues): ShownValue => {
  const written = checked.winners.get(key.key);
  if (written && key.secrets) return shownOf(written, key);
  const value = mapSecrets(key.json, valueOf(key, checked), () => MASK);
  const source = written?.source ?? ({ layer: 'default' } as const);
  return { ...(value !== undefined && { value }), layer: source.layer, source: sourceText(source) };
};

const scopedValues = (key: ConfigKey, { tenants }: CheckedValues, { tenant, overrides }: ConfigScope): ShownValue[] => {
  const own = tenant === undefined ? undefined : tenants.get(tenant)?.get(key.key);
  const values = own ? [shownOf(own, key)] : [];
  if (overrides && Object.hasOwn(overrides, key.key))
    values.push({ value: overrides[key.key], layer: 'request', source: sourceText({ layer: 'request' }) });
  return values;
};
