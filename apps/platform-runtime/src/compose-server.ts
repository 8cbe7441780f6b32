import type { Log } from '@golek/plugins-api';
import { createLogger, logConfig } from '@golek/system';
import { beatenFlags } from './config/beaten-flags.ts';
import type { PlatformSettings } from './config/platform-config.ts';
import { listStartModels, type KnownModels } from './models/list-models.ts';
import { filesModule } from './modules/files-module.ts';
import { grpcModule } from './modules/grpc-module.ts';
import { httpModule } from './modules/http-module.ts';
import { mcpModule } from './modules/mcp-module.ts';
import { createPlatform, type Platform } from './platform.ts';

/** A platform that serves HTTP, not started yet. */
export interface ComposedServer extends Platform {
  readonly log: Log;
  readonly known: KnownModels;
}

/** Composes what `golek serve` runs: the log, every known model, engines in child processes, the HTTP server. */
export const composeServer = async (settings: PlatformSettings): Promise<ComposedServer> => {
  const { configuration, data, store, configFile } = settings;
  const { level, format } = configuration.get(logConfig);
  const log = createLogger({ level, format });
  configuration.watch(logConfig, (changed) => (log.level = changed.level), { keys: ['level'] });
  const known = await listStartModels(settings, new AbortController().signal);
  for (const note of [...beatenFlags(configuration), ...known.notes]) log.warn({}, note);
  await data.sweep();
  return {
    ...createPlatform({
      configuration,
      live: { store, file: configFile, home: data.root },
      log,
      models: known.models,
      discover: true,
      server: (lifecycle) => [
        filesModule(data),
        httpModule(lifecycle),
        grpcModule(lifecycle),
        mcpModule(lifecycle, known.default),
      ],
      environment: process.env,
      isolation: 'process',
    }),
    log,
    known,
  };
};
