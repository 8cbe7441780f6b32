import { GolekError } from '@golek/api';
import type { Plugin } from '@golek/plugins-api';
import { checkPlugin } from './check-plugin.ts';
import { LinkedAbort } from './linked-abort.ts';
import { contributionChanges, type PluginContributions } from './plugin-contributions.ts';
import { missedRange } from './plugin-dependencies.ts';
import { PluginInstance, releaseLoaded } from './plugin-instance.ts';
import type { PluginManagerOptions } from './plugin-settings.ts';
import type { LoadedPlugin, PluginSource } from './plugin-source.ts';
import { withinLimit } from '../waiting/within-limit.ts';

/** A version that took the place of what was taken out; `drained` resolves when that is out of use. */
export interface VersionInEffect {
  readonly instance: PluginInstance;
  readonly drained: Promise<void>;
}

/** Loads a version and makes sure that it is a plugin of that name. */
export const loadVersion = async (
  source: PluginSource,
  { settings, log }: PluginManagerOptions,
  closing: AbortSignal,
): Promise<LoadedPlugin> => {
  const { startLimitMs, stopLimitMs } = settings();
  using limit = new LinkedAbort(closing);
  const loading = source.load(limit.signal);
  const late = (): GolekError => {
    const error = new GolekError(
      'plugin_failed',
      `plugin '${source.name}' (${source.origin}) did not load within ${startLimitMs} ms (plugins.startLimitMs)`,
    );
    limit.abort(error);
    // Whoever comes too late is let go of when it comes.
    void loading.then((loaded) => releaseLoaded(loaded, stopLimitMs, log)).catch(() => undefined);
    return error;
  };
  const loaded = await withinLimit(() => loading, startLimitMs, late);
  try {
    checkPlugin(loaded.plugin, source.name, source.origin);
  } catch (thrown) {
    await releaseLoaded(loaded, stopLimitMs, log);
    throw thrown;
  }
  return loaded;
};

/** A new version must do for those that need the plugin. Throws `plugin_invalid` that names both. */
export const checkForDependents = (next: Plugin, old: Plugin, others: readonly Plugin[]): void => {
  for (const other of others) {
    const range = missedRange(other, next);
    if (range === undefined) continue;
    throw new GolekError(
      'plugin_invalid',
      `plugin '${other.name}' ${other.version} needs '${next.name}' ${range}, and the new version is ${next.version}; ${old.version} stays in effect`,
      { details: { plugin: next.name, dependent: other.name } },
    );
  }
};

/** Sets a version up beside what runs, then lets it take the place of what `remove` holds, in one step. */
export const putIntoEffect = async (
  loaded: LoadedPlugin,
  remove: PluginContributions,
  { extensions, events, infer, log, settings }: PluginManagerOptions,
  closing: AbortSignal,
): Promise<VersionInEffect> => {
  const { startLimitMs, stopLimitMs, options } = settings();
  const { name, version } = loaded.plugin;
  const surroundings = { events, infer, log, startLimitMs, options: options[name] };
  const instance = await PluginInstance.open(loaded, surroundings, closing, stopLimitMs);
  try {
    return { instance, drained: extensions.change(contributionChanges(remove, instance.contributions)) };
  } catch (thrown) {
    const { message } = GolekError.from(thrown);
    const error = new GolekError('plugin_invalid', `plugin '${name}' ${version} does not fit in: ${message}`, {
      cause: thrown,
      details: { plugin: name },
    });
    await instance.release(stopLimitMs, error);
    throw error;
  }
};
