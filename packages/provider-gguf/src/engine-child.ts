import type { Log, Provider } from '@golek/providers-spi';
import type { GgufProviderOptions } from './options.ts';
import { GgufProvider } from './provider.ts';

// What the engine process of createIsolatedGgufProvider imports. Its supervisor reads stderr line by line.

const line =
  (level: string) =>
  (_fields: object, message: string): void => {
    process.stderr.write(`${level}: ${message}\n`);
  };

const stderrLog: Log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };

export const createEngineProvider = (options: GgufProviderOptions): Provider =>
  new GgufProvider({ ...options, log: stderrLog }, { ownThread: true });
