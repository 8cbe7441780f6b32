import type { Provider } from '@golek/providers-spi';
import type { EngineLog } from '@golek/providers-spi/isolation';
import type { GgufProviderOptions } from './options.ts';
import { GgufProvider } from './provider.ts';

// What the engine process of createIsolatedGgufProvider imports. Its supervisor reads stderr line by line.

const line =
  (level: string) =>
  (_fields: object, message: string): void => {
    process.stderr.write(`${level}: ${message}\n`);
  };

const stderrLog: EngineLog = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };

export const createEngineProvider = (options: GgufProviderOptions): Provider =>
  new GgufProvider({ ...options, log: stderrLog });
