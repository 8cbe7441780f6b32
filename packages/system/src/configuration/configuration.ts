import { GolekError, nearest } from '@golek/api';
import type { ConfigKey } from './config-key.ts';
import type { ConfigOf, ConfigSection } from './config-section.ts';
import { sourceText, type ConfigLayer, type ConfigValue } from './config-source.ts';
import { observed } from './observed-values.ts';

/** Where the value of a key comes from. */
export interface ConfigExplanation {
  readonly key: string;
  /** Absent for a secret and for a key without a value. */
  readonly value?: unknown;
  readonly secret: boolean;
  readonly layer: ConfigLayer;
  /** `golek.yaml:3:9`, `GOLEK_HTTP_PORT`, `--port` or `default`. */
  readonly source: string;
  /** Sources of the values that lost, lowest layer first. */
  readonly overrides: readonly string[];
  readonly description?: string;
}

export interface ConfigurationParts {
  readonly sections: readonly ConfigSection[];
  readonly keys: readonly ConfigKey[];
  /** What every layer said, lowest layer first. */
  readonly values: readonly ConfigValue[];
  /** Checked values of each section, in the order of `sections`. */
  readonly parsed: readonly unknown[];
}

/** Told of a section's new values. */
export type ConfigListener<Section extends ConfigSection> = (
  values: ConfigOf<Section>,
  changed: readonly string[],
) => void;

interface Watcher {
  readonly section: ConfigSection;
  readonly listener: (values: never, changed: readonly string[]) => void;
}

/** The checked values of all sections, with the source of each; they may change while the runtime works. Remembers which keys were read. */
export class Configuration {
  readonly sections: readonly ConfigSection[];
  readonly keys: readonly ConfigKey[];
  readonly #watchers = new Set<Watcher>();
  readonly #unread: Set<string>;
  #values: readonly ConfigValue[] = [];
  #parsed: ReadonlyMap<string, unknown> = new Map();
  #observed: ReadonlyMap<string, unknown> = new Map();

  constructor(parts: ConfigurationParts) {
    this.sections = parts.sections;
    this.keys = parts.keys;
    this.#unread = new Set(this.keys.map(({ key }) => key));
    this.#take(parts);
  }

  /** Calls back after a change of a section's keys; `changed` names them, e.g. `limits.maxTools`. */
  watch<Section extends ConfigSection>(section: Section, listener: ConfigListener<Section>): Disposable {
    const watcher: Watcher = { section, listener };
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) };
  }

  /** The values of a section, read-only. Throws `composition_invalid` for a section that the configuration was not made with. */
  get<Section extends ConfigSection>(section: Section): ConfigOf<Section> {
    if (!this.sections.includes(section)) {
      throw new GolekError(
        'composition_invalid',
        `the configuration was resolved without the section '${section.name}': add it to 'sections'`,
      );
    }
    // A section that is one key itself is read here; the keys of others when they are taken from it.
    this.#unread.delete(section.name);
    return this.#observed.get(section.name) as ConfigOf<Section>;
  }

  /** Says which layer a value comes from. Throws `invalid_request` for a key that does not exist. */
  explain(key: string): ConfigExplanation {
    const known = this.keys.find((candidate) => candidate.key === key);
    if (!known) {
      const hint = nearest(
        key,
        this.keys.map((candidate) => candidate.key),
      );
      throw new GolekError('invalid_request', `no setting is named '${key}'${hint ? `; did you mean '${hint}'?` : ''}`);
    }
    const said = this.#values.filter((value) => value.key === key).map(({ source }) => source);
    const won = said.at(-1) ?? ({ layer: 'default' } as const);
    const value = known.path
      .slice(1)
      .reduce<unknown>(
        (parent, segment) => (parent as Record<string, unknown> | undefined)?.[segment],
        this.#parsed.get(known.path[0] as string),
      );
    const { description } = known.json;
    return {
      key,
      ...(value !== undefined && !known.secret && { value }),
      secret: known.secret,
      layer: won.layer,
      source: sourceText(won),
      overrides: said.slice(0, -1).map(sourceText),
      ...(description !== undefined && { description }),
    };
  }

  /** Keys whose value nothing has read so far: a setting without effect. */
  unread(): readonly string[] {
    return [...this.#unread];
  }

  #take({ values, parsed }: ConfigurationParts): void {
    this.#values = values;
    this.#parsed = new Map(this.sections.map(({ name }, index) => [name, parsed[index]]));
    this.#observed = new Map(this.sections.map(({ name }) => [name, this.#observe(name)]));
  }

  #observe(section: string): unknown {
    const keys = this.keys.filter((key) => key.path[0] === section);
    const whole = deepFrozen(this.#parsed.get(section));
    if (keys[0]?.path.length === 1) return whole;
    return observed(whole, [section], keys, (key) => this.#unread.delete(key));
  }
}

const deepFrozen = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFrozen);
  }
  return value;
};
