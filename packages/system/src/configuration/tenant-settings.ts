import type { ConfigKey } from './config-key.ts';
import type { ConfigSection } from './config-section.ts';
import type { ConfigProblem, ConfigSource } from './config-source.ts';
import { checkOverride } from './override-settings.ts';
import type { FetchedValue, Winners } from './resolve-secrets.ts';
import { keysOf, rawSection } from './section-values.ts';
import { tenantsConfig } from './tenants-config.ts';

/** Checked settings of tenants: tenant → key → value. */
export type TenantSettings = ReadonlyMap<string, ReadonlyMap<string, FetchedValue>>;

/** Checks what stands in the section `tenants`: keys, values, and the sections as each tenant would see them. */
export const tenantSettings = (
  sections: readonly ConfigSection[],
  keys: readonly ConfigKey[],
  winners: Winners,
): { readonly byName: TenantSettings; readonly problems: readonly ConfigProblem[] } => {
  const byName = new Map<string, ReadonlyMap<string, FetchedValue>>();
  const problems: ConfigProblem[] = [];
  const written = sections.includes(tenantsConfig) ? winners.get(tenantsConfig.name) : undefined;
  if (!written) return { byName, problems };
  const at = (path: readonly PropertyKey[]): ConfigSource => written.locate?.(path) ?? written.source;
  for (const [tenant, settings] of Object.entries(written.resolved as Record<string, Record<string, unknown>>)) {
    const own = new Map<string, FetchedValue>();
    const problem = (path: readonly PropertyKey[], message: string): void =>
      void problems.push({
        source: at(path),
        key: tenantsConfig.name,
        message: `for the tenant '${tenant}': ${message}`,
      });
    for (const [key, value] of Object.entries(settings)) {
      const checked = checkOverride(key, value, 'tenant', keys);
      if ('problem' in checked) problem([tenant, key, ...checked.path], checked.problem);
      else {
        const source = { layer: 'tenant', tenant, written: at([tenant, key]) } as const;
        own.set(key, { key, value, resolved: value, source });
      }
    }
    byName.set(tenant, own);
    for (const section of sections) {
      const message = relationBroken(section, keysOf(section, keys), winners, own);
      if (message !== undefined) problem([tenant], message);
    }
  }
  return { byName, problems };
};

/** What a check over several keys of a section says to the tenant's values. */
const relationBroken = (
  section: ConfigSection,
  keys: readonly ConfigKey[],
  winners: Winners,
  own: ReadonlyMap<string, FetchedValue>,
): string | undefined => {
  if (!keys.some(({ key }) => own.has(key))) return undefined;
  const result = section.schema.safeParse(
    rawSection(section, keys, (key) => (own.get(key) ?? winners.get(key))?.resolved),
  );
  const [issue] = result.error?.issues ?? [];
  return issue && `'${[section.name, ...issue.path].join('.')}': ${issue.message}`;
};
