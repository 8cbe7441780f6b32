import { GolekError } from '@golek/api';
import type { Provider } from '@golek/providers-spi';
import type { ListedModelsConfig } from '../config/upstreams-config.ts';
import { selectListed, type Selection } from './select-listed.ts';

/** An upstream whose list is served. */
export interface ListingUpstream {
  readonly provider: Pick<Provider, 'id' | 'listModels'>;
  readonly settings: ListedModelsConfig;
}

/** Asks an upstream for its models. Throws GolekError: what the provider throws, `deadline_exceeded` after `limitMs`, `cancelled`. */
export const askList = async (
  { provider, settings }: ListingUpstream,
  limitMs: number,
  signal: AbortSignal,
): Promise<Selection> => {
  const { id } = provider;
  if (!provider.listModels) {
    throw new GolekError('unsupported', `upstream '${id}' has no list of models; name them in 'models.list'`);
  }
  const late = AbortSignal.timeout(limitMs);
  try {
    return selectListed(id, await provider.listModels(AbortSignal.any([signal, late])), settings);
  } catch (thrown) {
    if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
    if (!late.aborted) throw GolekError.from(thrown);
    const message = `upstream '${id}' did not give its list of models within ${limitMs / 1000} s`;
    throw new GolekError('deadline_exceeded', message, { cause: thrown });
  }
};
