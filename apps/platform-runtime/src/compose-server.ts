import type { Log } from '@golek/plugins-api';
import { createLogger, logConfig } from '@golek/system';
import type { PlatformSettings } from './config/platform-config.ts';
import { listModels, type KnownModels } from './models/list-models.ts';
import { httpModule } from './modules/http-module.ts';
import { createPlatform, type Platform } from './platform.ts';

/** A platform that serves HTTP, not started yet. */
export interface ComposedServer extends Platform {
  readonly log: Log;
  readonly known: KnownModels;
}

/** Composes what `golek serve` runs: the log, every known model, engines in child processes, the HTTP server. */
export const composeServer = async (settings: PlatformSettings): Promise<ComposedServer> => {
  const { configuration, data } = settings;
  const { level, format } = configuration.get(logConfig);
  const log = createLogger({ level, format });
  const known = await listModels(settings, new AbortController().signal);
  for (const note of known.notes) log.warn({}, note);
  await data.sweep();
  const sources = known.models.map(({ source }) => source);
  return { ...createPlatform({ configuration, log, sources, server: httpModule, isolation: 'process' }), log, known };
};
