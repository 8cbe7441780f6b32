import { GolekError } from '@golek/api';
import { SILENT_LOG } from '@golek/plugins-api';
import type { Configuration } from '@golek/system';
import {
  listedModelsOf,
  upstreamsConfig,
  type ListedModelsConfig,
  type UpstreamConfig,
} from '../config/upstreams-config.ts';
import { askList } from './ask-list.ts';
import type { Selection } from './select-listed.ts';
import { upstreamProvider } from './upstream-provider.ts';

/** A command waits for it, milliseconds. */
const LIMIT_MS = 5_000;

/** What came of asking an upstream once: a list, or why there is none. */
export interface AskedUpstream {
  readonly upstream: string;
  readonly selection?: Selection;
  readonly failure?: GolekError;
}

/** Asks every upstream whose list is served, for a command that starts no server. Throws `cancelled` only. */
export const askUpstreams = (configuration: Configuration, signal: AbortSignal): Promise<readonly AskedUpstream[]> =>
  Promise.all(
    configuration.get(upstreamsConfig).flatMap((upstream) => {
      const settings = listedModelsOf(upstream);
      return settings ? [askOnce(upstream, settings, signal)] : [];
    }),
  );

const askOnce = async (
  upstream: UpstreamConfig,
  settings: ListedModelsConfig,
  signal: AbortSignal,
): Promise<AskedUpstream> => {
  await using provider = upstreamProvider(upstream, SILENT_LOG);
  try {
    return { upstream: upstream.id, selection: await askList({ provider, settings }, LIMIT_MS, signal) };
  } catch (thrown) {
    signal.throwIfAborted();
    return { upstream: upstream.id, failure: GolekError.from(thrown) };
  }
};
