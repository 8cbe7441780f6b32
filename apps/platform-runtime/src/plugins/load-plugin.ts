import * as api from '@golek/api';
import type { PluginLoader } from '@golek/kernel';
import * as pluginsApi from '@golek/plugins-api';
import * as providersSpi from '@golek/providers-spi';
import { ModuleGraph } from './module-graph.ts';
import type { HostModules } from './module-imports.ts';

/** A plugin and the runtime must have the same GolekError, also when the plugin brings these packages. */
const HOST: HostModules = {
  '@golek/api': api,
  '@golek/plugins-api': pluginsApi,
  '@golek/providers-spi': providersSpi,
};

/** Runs the files of a plugin as they are now, in this process. The manager checks what comes out. */
export const loadPlugin: PluginLoader = async ({ name, file }, { reads }) => {
  try {
    const exports = await new ModuleGraph(HOST, reads).load(file);
    return { plugin: exports['default'] as pluginsApi.Plugin };
  } catch (thrown) {
    if (thrown instanceof api.GolekError) throw thrown;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new api.GolekError('plugin_failed', `plugin '${name}' (${file}) failed while it was loaded: ${reason}`, {
      cause: thrown,
    });
  }
};
