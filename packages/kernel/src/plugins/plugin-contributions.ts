import { GolekError } from '@golek/api';
import type { PluginProvider } from '@golek/plugins-api';
import type { Provider } from '@golek/providers-spi';
import type { ExtensionChanges, ExtensionKind, Extensions } from '../extensions/extension-points.ts';

/** What a plugin adds to each extension point, in the order in which it said so. */
export type PluginContributions = { readonly [Kind in ExtensionKind]: readonly Extensions[Kind][] };

/** Names of what a plugin adds, by point; points that it adds nothing to are left out. */
export type ContributedNames = { readonly [Kind in ExtensionKind]?: readonly string[] };

export const NOTHING: PluginContributions = Object.freeze({
  phases: [],
  providers: [],
  routes: [],
  authenticators: [],
  exporters: [],
  stores: [],
});

const KINDS = Object.keys(NOTHING) as ExtensionKind[];

const allNames = (added: PluginContributions): Readonly<Record<ExtensionKind, readonly string[]>> => ({
  phases: added.phases.map(({ name }) => name),
  providers: added.providers.map(({ id }) => id),
  routes: added.routes.map(({ method, path }) => `${method} ${path}`),
  authenticators: added.authenticators.map(({ name }) => name),
  exporters: added.exporters.map(({ name }) => name),
  stores: added.stores.map(({ name }) => name),
});

export const contributedNames = (contributions: PluginContributions): ContributedNames =>
  Object.fromEntries(Object.entries(allNames(contributions)).filter(([, names]) => names.length > 0));

/** One change of every point that either side touches: what goes and what comes in its place. */
export const contributionChanges = (remove: PluginContributions, add: PluginContributions): ExtensionChanges => {
  const kinds = KINDS.filter((kind) => remove[kind].length > 0 || add[kind].length > 0);
  return Object.fromEntries(kinds.map((kind) => [kind, { remove: remove[kind], add: add[kind] }]));
};

/** Several plugins' contributions as one. */
export const joinContributions = (all: readonly PluginContributions[]): PluginContributions => ({
  phases: all.flatMap(({ phases }) => phases),
  providers: all.flatMap(({ providers }) => providers),
  routes: all.flatMap(({ routes }) => routes),
  authenticators: all.flatMap(({ authenticators }) => authenticators),
  exporters: all.flatMap(({ exporters }) => exporters),
  stores: all.flatMap(({ stores }) => stores),
});

const METHODS = ['inspect', 'open', 'health'] as const;

const isProvider = (value: PluginProvider & Partial<Provider>): value is Provider =>
  METHODS.every((method) => typeof value[method] === 'function') &&
  typeof value[Symbol.asyncDispose] === 'function' &&
  Array.isArray(value.capabilities?.tasks) &&
  Array.isArray(value.capabilities.formats);

/** The contract package knows a provider's id only. Throws `plugin_invalid` for what is no provider. */
export const providerOf = (plugin: string, value: PluginProvider): Provider => {
  if (isProvider(value)) return value;
  throw new GolekError(
    'plugin_invalid',
    `plugin '${plugin}' registers the provider '${value.id}', which is none: it needs capabilities { tasks, formats } and the functions ${METHODS.join(', ')} and [Symbol.asyncDispose]`,
  );
};
