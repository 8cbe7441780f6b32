import { GolekError } from '@golek/api';
import { z } from 'zod';
import { unwrapped, type ConfigSection } from './config-section.ts';
import { holdsSecrets } from './secret-values.ts';

export type JsonSchemaNode = z.core.JSONSchema.BaseSchema;

/** One setting: a leaf of a section's schema. Lists and maps are leaves: a layer replaces them whole. */
export interface ConfigKey {
  /** E.g. `http.port`. */
  readonly key: string;
  readonly path: readonly string[];
  readonly schema: z.ZodType;
  /** What may be written, as JSON Schema; with description and default. */
  readonly json: JsonSchemaNode;
  /** E.g. `GOLEK_HTTP_PORT`. */
  readonly variable: string;
  /** E.g. `--http.port`. */
  readonly flag: string;
  /** The value is one secret. */
  readonly secret: boolean;
  /** The value is a secret or holds some. */
  readonly secrets: boolean;
  /** A change takes effect while the runtime works. */
  readonly live: boolean;
  /** Who may set it for themselves. */
  readonly overridable: readonly OverrideScope[];
  /** Whether a store may hold it: false for what says where the store is. */
  readonly storable: boolean;
}

export const OVERRIDE_SCOPES = ['tenant', 'request'] as const;
export type OverrideScope = (typeof OVERRIDE_SCOPES)[number];

export const VARIABLE_PREFIX = 'GOLEK_';

const screaming = (segment: string): string => segment.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();

const keyOf = (path: readonly string[], schema: z.ZodType): ConfigKey => {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  delete json.$schema;
  return {
    key: path.join('.'),
    path,
    schema,
    json,
    variable: VARIABLE_PREFIX + path.map(screaming).join('_'),
    flag: `--${path.join('.')}`,
    secret: json['secret'] === true,
    secrets: holdsSecrets(json),
    live: json['live'] === true,
    overridable: OVERRIDE_SCOPES.filter((scope) =>
      (json['overridable'] as readonly unknown[] | undefined)?.includes(scope),
    ),
    storable: json['storable'] !== false,
  };
};

const leaves = (path: readonly string[], schema: z.ZodType): readonly ConfigKey[] => {
  const inner = unwrapped(schema);
  if (!(inner instanceof z.ZodObject)) return [keyOf(path, schema)];
  return Object.entries(inner.shape).flatMap(([name, child]) => leaves([...path, name], child as z.ZodType));
};

const KNOWN = new WeakMap<readonly ConfigSection[], readonly ConfigKey[]>();

/**
 * Every key of the sections. Throws `composition_invalid` when two sections, or the variables of two keys, have one name, and for a secret that tenants or requests
 * may set.
 */
export const configurationKeys = (sections: readonly ConfigSection[]): readonly ConfigKey[] => {
  const known = KNOWN.get(sections) ?? checkedKeys(sections);
  KNOWN.set(sections, known);
  return known;
};

const checkedKeys = (sections: readonly ConfigSection[]): readonly ConfigKey[] => {
  const keys = sections.flatMap((section) => leaves([section.name], section.schema));
  refuseTwins(sections.map(({ name }) => [name, `section '${name}'`]));
  refuseTwins(keys.map(({ variable, key }) => [variable, `key '${key}' with the variable ${variable}`]));
  const open = keys.find(({ secrets, overridable }) => secrets && overridable.length > 0);
  if (open)
    throw new GolekError('composition_invalid', `the key '${open.key}' holds secrets and cannot be overridable`);
  return keys;
};

const refuseTwins = (named: readonly (readonly [string, string])[]): void => {
  const seen = new Map<string, string>();
  for (const [name, described] of named) {
    const other = seen.get(name);
    if (other !== undefined) {
      throw new GolekError('composition_invalid', `the configuration has two of the same name: ${other}, ${described}`);
    }
    seen.set(name, described);
  }
};
