import type { Provider } from '@golek/providers-spi';
import { GgufProvider } from './provider.ts';
import type { GgufProviderOptions } from './options.ts';

/** As engine-child.ts, but of a grammar that takes too long one learns soon. */
export const createEngineProvider = (options: GgufProviderOptions): Provider =>
  new GgufProvider(options, { ownThread: true, grammarLimitMs: 500 });
