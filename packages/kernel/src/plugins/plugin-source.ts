import type { Plugin } from '@golek/plugins-api';

/** A plugin whose code is loaded. */
export interface LoadedPlugin {
  readonly plugin: Plugin;
  /** Called once when this version is let go, also when it never started; e.g. ends a process of its own. */
  release?(): void | Promise<void>;
}

/** Where a plugin comes from. Its name is known before its code is loaded, so that a disabled plugin never runs. */
export interface PluginSource {
  readonly name: string;
  /** For people: a path, a package, `program`. */
  readonly origin: string;
  /** Each call gives the code as it is now. */
  load(signal: AbortSignal): Promise<LoadedPlugin>;
}

/** A plugin that a program brings as an object. */
export const programPlugin = (plugin: Plugin): PluginSource => ({
  name: plugin.name,
  origin: 'program',
  load: () => Promise.resolve({ plugin }),
});
