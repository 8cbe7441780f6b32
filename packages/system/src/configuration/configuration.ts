import { isDeepStrictEqual } from 'node:util';
import { GolekError, nearest } from '@golek/api';
import type { CheckedValues } from './check-sections.ts';
import { configurationKeys, type ConfigKey, type OverrideScope } from './config-key.ts';
import type { ConfigOf, ConfigSection } from './config-section.ts';
import type { ConfigLayer, ConfigProblem } from './config-source.ts';
import { CONTROLS, type ConfigurationState } from './configuration-control.ts';
import { explain } from './explain.ts';
import { invalidConfiguration } from './invalid-configuration.ts';
import { observed } from './observed-values.ts';
import { readOverrides } from './override-settings.ts';
import type { ConfigurationLayers, Resolution } from './resolve-layers.ts';
import { deepFrozen, keysOf, rawSection, valueAt } from './section-values.ts';
import type { TenantSettings } from './tenant-settings.ts';
import { tenantsConfig } from './tenants-config.ts';

/** A value of one layer, as it may be shown: of a secret the reference or `[secret]`. */
export interface ShownValue {
  /** Absent for a key without a value. */
  readonly value?: unknown;
  readonly layer: ConfigLayer;
  /** `golek.yaml:3:9`, `GOLEK_HTTP_PORT`, `--port`, `stored in …` or `default`. */
  readonly source: string;
}

/** Where the value of a key comes from. */
export interface ConfigExplanation extends ShownValue {
  readonly key: string;
  /** The value is a secret or holds some. */
  readonly secret: boolean;
  /** Values that lost, lowest layer first. */
  readonly overrides: readonly ShownValue[];
  /** Whether a change takes effect without a restart. */
  readonly live: boolean;
  /** Who may set it for themselves. */
  readonly overridable: readonly OverrideScope[];
  /** The value after a restart, where it is another. */
  readonly pending?: ShownValue;
  /** Revision of the stored value, to be expected when it is changed. */
  readonly revision?: string;
  readonly description?: string;
}

/** Whose values are wanted. */
export interface ConfigScope {
  readonly tenant?: string | undefined;
  /** What `readOverrides` gave. */
  readonly overrides?: Readonly<Record<string, unknown>> | undefined;
}

/** Told of a section's new values; `changed` names the keys, e.g. `limits.maxTools`. */
export type ConfigListener<Section extends ConfigSection> = (
  values: ConfigOf<Section>,
  changed: readonly string[],
) => void;

export interface WatchOptions<Section extends ConfigSection> {
  /** Call back only when one of these keys, or one below it, changed. */
  readonly keys?: readonly (keyof ConfigOf<Section> & string)[];
}

/** Something that a consumer cannot work with. */
export interface CheckProblem {
  /** E.g. `routes.list`. */
  readonly key: string;
  /** Leads to the offending part inside the value. */
  readonly path?: readonly PropertyKey[];
  readonly message: string;
}

/** A consumer's own check of values that may come into force; `next` gives those of other sections. Does not wait. */
export type ConfigCheck<Section extends ConfigSection> = (
  values: ConfigOf<Section>,
  next: Pick<Configuration, 'get'>,
) => readonly CheckProblem[];

interface Watcher {
  readonly section: ConfigSection;
  readonly keys: readonly string[] | undefined;
  readonly listener: (values: never, changed: readonly string[]) => void;
}

interface Check {
  readonly section: ConfigSection;
  readonly check: (values: never, next: Pick<Configuration, 'get'>) => readonly CheckProblem[];
}

/** The checked values of all sections, with the source of each; they may change while the runtime works. Remembers which keys were read. */
export class Configuration {
  readonly sections: readonly ConfigSection[];
  readonly keys: readonly ConfigKey[];
  readonly #watchers = new Set<Watcher>();
  readonly #checks = new Set<Check>();
  readonly #unread: Set<string>;
  #state: ConfigurationState;
  #observed: ReadonlyMap<ConfigSection, unknown>;
  /** Sections as tenants see them, made when they are asked for. At most as many as there are tenants with settings. */
  #tenantViews = new Map<string, Map<ConfigSection, unknown>>();
  /** Sections as single requests see them; gone with the request. */
  #requestViews = new WeakMap<object, Map<ConfigSection, unknown>>();

  constructor(layers: ConfigurationLayers, { values, winners, parsed, tenants }: Resolution) {
    this.sections = layers.sections;
    this.keys = configurationKeys(layers.sections);
    this.#unread = new Set(this.keys.map(({ key }) => key));
    const checked = { winners, parsed, tenants };
    this.#state = { layers, values, inForce: checked, afterRestart: checked };
    this.#observed = this.#views();
    CONTROLS.set(this, {
      state: () => this.#state,
      problemsOf: (state) => this.#problemsOf(state),
      swap: (state, onFailure) => this.#swap(state, onFailure),
    });
  }

  /** The values of a section, read-only. Throws `composition_invalid` for a section that the configuration was not made with. */
  get<Section extends ConfigSection>(section: Section): ConfigOf<Section> {
    const values = this.#observed.get(section);
    if (values === undefined && !this.#observed.has(section)) throw unknownSection(section);
    // A section that is one key itself is read here; the keys of others when they are taken from it.
    this.#unread.delete(section.name);
    return values as ConfigOf<Section>;
  }

  /** The values as a tenant or request sees them; those of `get` when they have none of their own. Throws `invalid_request` for overrides that do not go together. */
  effective<Section extends ConfigSection>(section: Section, { tenant, overrides }: ConfigScope): ConfigOf<Section> {
    const own = tenant === undefined ? undefined : this.#tenants().get(tenant);
    if (overrides === undefined && own === undefined) return this.get(section);
    const views = viewsOf(overrides ? this.#requestViews : this.#tenantViews, overrides ?? tenant);
    if (!views.has(section)) views.set(section, this.#view(section, { tenant, overrides }));
    return views.get(section) as ConfigOf<Section>;
  }

  /** Reads the settings that a request brings: `key=value; key=value`, or a JSON object. Throws `invalid_request`. */
  readOverrides(text: string): Readonly<Record<string, unknown>> {
    return readOverrides(text, this.keys);
  }

  /** Calls back after a change of a section's keys. */
  watch<Section extends ConfigSection>(
    section: Section,
    listener: ConfigListener<Section>,
    { keys }: WatchOptions<Section> = {},
  ): Disposable {
    const names = keys?.map((name) => `${section.name}.${name}`);
    const watcher: Watcher = { section, listener, keys: names };
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) };
  }

  /**
   * Asks before every change whether its consumer can work with a section's new values; one problem refuses the whole change. Asked at once about the present ones:
   * throws `config_invalid`.
   */
  check<Section extends ConfigSection>(section: Section, check: ConfigCheck<Section>): Disposable {
    const entry: Check = { section, check };
    const problems = this.#ask(entry, this.#state.inForce);
    if (problems.length > 0) throw invalidConfiguration(problems);
    this.#checks.add(entry);
    return { [Symbol.dispose]: () => void this.#checks.delete(entry) };
  }

  /** Says which layer a value comes from. Throws `invalid_request` for a key that does not exist. */
  explain(key: string, scope: ConfigScope = {}): ConfigExplanation {
    return explain(this.key(key), this.#state, scope);
  }

  /** Throws `invalid_request` that names the nearest key when there is no such key. */
  key(name: string): ConfigKey {
    const known = this.keys.find((candidate) => candidate.key === name);
    if (known) return known;
    const names = this.keys.map((candidate) => candidate.key);
    const below = names.filter((key) => key.startsWith(`${name}.`));
    const hint = nearest(name, names);
    const remedy =
      below.length > 0 ? `; settings below it are: ${below.join(', ')}` : hint && `; did you mean '${hint}'?`;
    throw new GolekError('invalid_request', `no setting is named '${name}'${remedy ?? ''}`);
  }

  /** Keys whose value nothing has read so far: a setting without effect. */
  unread(): readonly string[] {
    return [...this.#unread];
  }

  #tenants(): TenantSettings {
    this.#unread.delete(tenantsConfig.name);
    return this.#state.inForce.tenants;
  }

  #swap(state: ConfigurationState, onFailure: (thrown: unknown, section: string) => void): void {
    const changed = changedKeys(this.keys, this.#state.inForce, state.inForce);
    this.#state = state;
    this.#observed = this.#views();
    this.#tenantViews = new Map();
    this.#requestViews = new WeakMap();
    for (const { section, keys, listener } of [...this.#watchers]) {
      const own = changed
        .filter((key) => key.path[0] === section.name)
        .map(({ key }) => key)
        .filter((key) => !keys || keys.some((name) => key === name || key.startsWith(`${name}.`)));
      if (own.length === 0) continue;
      try {
        listener(this.#observed.get(section) as never, own);
      } catch (thrown) {
        onFailure(thrown, section.name);
      }
    }
  }

  #problemsOf({ inForce, afterRestart }: ConfigurationState): readonly ConfigProblem[] {
    const problems = [...this.#checks].flatMap((check) => this.#ask(check, inForce));
    if (problems.length > 0 || afterRestart === inForce) return problems;
    return [...this.#checks].flatMap((check) => this.#ask(check, afterRestart));
  }

  #ask({ section, check }: Check, checked: CheckedValues): readonly ConfigProblem[] {
    const get = <Section extends ConfigSection>(wanted: Section): ConfigOf<Section> => {
      if (!this.sections.includes(wanted)) throw unknownSection(wanted);
      return checked.parsed.get(wanted.name) as ConfigOf<Section>;
    };
    return check(get(section) as never, { get }).map(({ key, path = [], message }) => {
      const written = checked.winners.get(key);
      const source = written?.locate?.(path) ?? written?.source ?? { layer: 'default' as const };
      return { source, key, message };
    });
  }

  #view(section: ConfigSection, { tenant, overrides = {} }: ConfigScope): unknown {
    const own = keysOf(section, this.keys);
    const { inForce } = this.#state;
    const forTenant = tenant === undefined ? undefined : inForce.tenants.get(tenant);
    const touched = own.some(({ key }) => Object.hasOwn(overrides, key) || forTenant?.has(key));
    if (!touched) return this.get(section);
    const written = (key: string): unknown =>
      Object.hasOwn(overrides, key) ? overrides[key] : (forTenant?.get(key) ?? inForce.winners.get(key))?.resolved;
    const result = section.schema.safeParse(rawSection(section, own, written));
    if (!result.success) {
      const [issue] = result.error.issues;
      const name = [section.name, ...(issue?.path ?? [])].join('.');
      throw new GolekError(
        'invalid_request',
        `the settings of the request are refused: '${name}': ${issue?.message ?? ''}`,
      );
    }
    return this.#observe(section, deepFrozen(result.data));
  }

  #views(): ReadonlyMap<ConfigSection, unknown> {
    const { parsed } = this.#state.inForce;
    return new Map(this.sections.map((section) => [section, this.#observe(section, parsed.get(section.name))]));
  }

  #observe(section: ConfigSection, values: unknown): unknown {
    const keys = keysOf(section, this.keys);
    if (keys[0]?.path.length === 1) return values;
    return observed(values, [section.name], keys, (key) => this.#unread.delete(key));
  }
}

const unknownSection = ({ name }: ConfigSection): GolekError =>
  new GolekError(
    'composition_invalid',
    `the configuration was resolved without the section '${name}': add it to 'sections'`,
  );

const viewsOf = (
  all: Map<unknown, Map<ConfigSection, unknown>> | WeakMap<object, Map<ConfigSection, unknown>>,
  whose: unknown,
): Map<ConfigSection, unknown> => {
  const map = all as Map<unknown, Map<ConfigSection, unknown>>;
  const views = map.get(whose) ?? new Map<ConfigSection, unknown>();
  map.set(whose, views);
  return views;
};

/** Keys whose values differ. */
export const changedKeys = (
  keys: readonly ConfigKey[],
  before: CheckedValues,
  after: CheckedValues,
): readonly ConfigKey[] =>
  keys.filter((key) => {
    const [section = ''] = key.path;
    return !isDeepStrictEqual(valueAt(before.parsed.get(section), key), valueAt(after.parsed.get(section), key));
  });
