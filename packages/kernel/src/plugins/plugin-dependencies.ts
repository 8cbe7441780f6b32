import { GolekError, nearest } from '@golek/api';
import { PLUGIN_API_VERSION, type Plugin } from '@golek/plugins-api';
import { satisfies } from 'semver';

/** What dependencies are decided on. */
export type PluginNeeds = Pick<Plugin, 'name' | 'version' | 'golek' | 'requires'>;

/** Why another plugin that exists cannot be depended on, by name; e.g. `is disabled`. */
export type Unavailable = ReadonlyMap<string, string>;

export interface StartPlan<P extends PluginNeeds> {
  /** Each after what it needs; otherwise in the order given. */
  readonly order: readonly P[];
  readonly refused: ReadonlyMap<P, GolekError>;
}

// A pre-release of a version that would do does as well: plugins are developed against each other.
const fits = (version: string, range: string): boolean => satisfies(version, range, { includePrerelease: true });

const titleOf = ({ name, version }: PluginNeeds): string => `plugin '${name}' ${version}`;

const refusal = (message: string, plugin: PluginNeeds, other: string): GolekError =>
  new GolekError('plugin_invalid', message, { details: { plugin: plugin.name, needs: other } });

const needsOf = ({ requires = {} }: PluginNeeds): [string, string][] => Object.entries(requires);

/** The range that `plugin` asks of `other` and that its version misses. */
export const missedRange = (plugin: PluginNeeds, other: Pick<PluginNeeds, 'name' | 'version'>): string | undefined => {
  const range = plugin.requires?.[other.name];
  return range === undefined || fits(other.version, range) ? undefined : range;
};

/** Refuses a plugin whose contract range this runtime does not meet. */
export const checkContract = (plugin: PluginNeeds): void => {
  const { golek = '^1.0.0' } = plugin;
  if (fits(PLUGIN_API_VERSION, golek)) return;
  throw new GolekError(
    'plugin_invalid',
    `${titleOf(plugin)} needs the plugin contract ${golek}, and this runtime has ${PLUGIN_API_VERSION}; use a version of the plugin made for it`,
    { details: { plugin: plugin.name, needs: '@golek/plugins-api' } },
  );
};

/** The members of a circle that `from` stands in, first and last the same. */
export const circleFrom = (
  from: PluginNeeds,
  find: (name: string) => PluginNeeds | undefined,
): readonly string[] | undefined => {
  const seen = new Set<string>();
  const walk = (name: string, path: readonly string[]): readonly string[] | undefined => {
    for (const [next] of needsOf(find(name) ?? { name, version: '' })) {
      if (next === from.name) return [...path, name, next];
      if (seen.has(next)) continue;
      seen.add(next);
      const found = walk(next, [...path, name]);
      if (found) return found;
    }
    return undefined;
  };
  return walk(from.name, []);
};

/**
 * The order in which plugins can be started beside those that run. A refused plugin takes those that need it with it; every refusal is `plugin_invalid` and names
 * both sides.
 */
export const planStart = <P extends PluginNeeds>(
  plugins: readonly P[],
  running: readonly PluginNeeds[],
  unavailable: Unavailable = new Map(),
): StartPlan<P> => {
  const starting = new Map(plugins.map((plugin) => [plugin.name, plugin]));
  const present = new Map(running.map((plugin) => [plugin.name, plugin]));
  const find = (name: string): PluginNeeds | undefined => starting.get(name) ?? present.get(name);
  const refused = new Map<P, GolekError>();
  const order = new Set<P>();
  const known = [...starting.keys(), ...present.keys(), ...unavailable.keys()];

  const check = (plugin: P): void => {
    checkContract(plugin);
    const circle = circleFrom(plugin, find);
    if (circle) {
      throw refusal(`plugins need each other in a circle: ${circle.join(' → ')}`, plugin, circle[1] ?? plugin.name);
    }
    for (const [name, range] of needsOf(plugin)) {
      const other = find(name);
      if (!other) throw missing(plugin, name, range, unavailable.get(name), known);
      if (!fits(other.version, range)) {
        throw refusal(
          `${titleOf(plugin)} needs '${name}' ${range}, and '${name}' is ${other.version}; install a version of one that fits the other`,
          plugin,
          name,
        );
      }
      const dependency = starting.get(name);
      if (!dependency) continue;
      visit(dependency);
      const failure = refused.get(dependency);
      if (failure)
        throw refusal(`${titleOf(plugin)} needs '${name}', which cannot start: ${failure.message}`, plugin, name);
    }
  };
  const visit = (plugin: P): void => {
    if (order.has(plugin) || refused.has(plugin)) return;
    try {
      check(plugin);
      order.add(plugin);
    } catch (thrown) {
      refused.set(plugin, GolekError.from(thrown, 'plugin_invalid'));
    }
  };
  plugins.forEach(visit);
  return { order: [...order], refused };
};

const missing = (
  plugin: PluginNeeds,
  name: string,
  range: string,
  why: string | undefined,
  known: readonly string[],
): GolekError => {
  if (why !== undefined) return refusal(`${titleOf(plugin)} needs '${name}' ${range}, which ${why}`, plugin, name);
  const hint = nearest(name, known);
  return refusal(
    `${titleOf(plugin)} needs '${name}' ${range}, which is not installed${hint === undefined ? '' : ` (installed and similar: '${hint}')`}`,
    plugin,
    name,
  );
};

/** Those of the plugins that need `name`, also through others; each before what it needs. */
export const dependentsOf = <P extends PluginNeeds>(name: string, plugins: readonly P[]): readonly P[] => {
  const found = new Set<P>();
  const visit = (needed: string): void => {
    for (const plugin of plugins) {
      if (plugin.requires?.[needed] === undefined || found.has(plugin)) continue;
      visit(plugin.name);
      found.add(plugin);
    }
  };
  visit(name);
  return [...found];
};
