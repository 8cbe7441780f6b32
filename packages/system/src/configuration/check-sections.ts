import type { z } from 'zod';
import type { ConfigKey } from './config-key.ts';
import type { ConfigSection } from './config-section.ts';
import type { ConfigProblem } from './config-source.ts';
import type { Winners } from './resolve-secrets.ts';
import { guardSecrets } from './secret-values.ts';
import { deepFrozen, keysOf, rawSection, valueAt } from './section-values.ts';
import { tenantSettings, type TenantSettings } from './tenant-settings.ts';

/** Values that were checked. */
export interface CheckedValues {
  readonly winners: Winners;
  /** Frozen values by section name. */
  readonly parsed: ReadonlyMap<string, unknown>;
  readonly tenants: TenantSettings;
}

export interface SectionsToCheck {
  readonly sections: readonly ConfigSection[];
  readonly keys: readonly ConfigKey[];
  readonly winners: Winners;
  /** Problems that were found before and are not told again. */
  readonly known: readonly ConfigProblem[];
}

/** Checks whole sections: missing keys, relations between keys, and the settings of tenants. */
export const checkSections = ({
  sections,
  keys,
  winners,
  known,
}: SectionsToCheck): CheckedValues & { readonly problems: readonly ConfigProblem[] } => {
  const problems: ConfigProblem[] = [];
  const parsed = new Map<string, unknown>();
  for (const section of sections) {
    const own = keysOf(section, keys);
    const result = section.schema.safeParse(rawSection(section, own, (key) => winners.get(key)?.resolved));
    if (result.success) {
      for (const key of own) if (key.secrets) guardSecrets(key.json, valueAt(result.data, key));
      parsed.set(section.name, deepFrozen(result.data));
    } else problems.push(...sectionProblems(section, result.error, own, winners, known));
  }
  if (known.length > 0 || problems.length > 0) return { winners, parsed, tenants: new Map(), problems };
  const tenants = tenantSettings(sections, keys, winners);
  return { winners, parsed, tenants: tenants.byName, problems: tenants.problems };
};

const sectionProblems = (
  section: ConfigSection,
  error: z.core.$ZodError,
  own: readonly ConfigKey[],
  winners: Winners,
  known: readonly ConfigProblem[],
): ConfigProblem[] =>
  error.issues.flatMap((issue): ConfigProblem[] => {
    const path = [section.name, ...issue.path.map(String)];
    const key = own.find((candidate) => candidate.path.every((segment, index) => path[index] === segment));
    const name = key?.key ?? path.join('.');
    if (known.some((problem) => problem.key === name)) return [];
    const value = winners.get(name);
    const source = value?.source ?? ({ layer: 'default' } as const);
    if (key && !value && issue.code === 'invalid_type') {
      return [
        {
          source,
          key: name,
          message: `'${name}' is missing: set it in golek.yaml, as ${key.variable} or with ${key.flag}`,
        },
      ];
    }
    return [{ source, key: name, message: `'${name}': ${issue.message}` }];
  });
