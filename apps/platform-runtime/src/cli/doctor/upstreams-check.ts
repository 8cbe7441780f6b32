import type { PlatformSettings } from '../../config/platform-config.ts';
import { listedModelsOf, upstreamsConfig } from '../../config/upstreams-config.ts';
import { askUpstreams, type AskedUpstream } from '../../models/ask-upstreams.ts';
import { ok, warn, type Check } from './check.ts';

const told = ({ upstream, selection, failure }: AskedUpstream): string => {
  if (failure) return failure.message;
  const { models = [] } = selection ?? {};
  return `${upstream}: ${models.length} ${models.length === 1 ? 'model' : 'models'}`;
};

/** Whether the services whose lists of models are served give them. None where there is none. A server starts without them all the same. */
export const upstreamsCheck = ({ configuration }: PlatformSettings): readonly Check[] => {
  if (!configuration.get(upstreamsConfig).some((upstream) => listedModelsOf(upstream))) return [];
  const check: Check = {
    name: 'upstreams',
    run: async (signal) => {
      const asked = await askUpstreams(configuration, signal);
      const failure = asked.find((one) => one.failure)?.failure;
      const remedy = failure?.action ?? asked.flatMap(({ selection }) => selection?.leftOut ?? [])[0]?.reason;
      const detail = asked.map(told).join('; ');
      return remedy === undefined ? ok(detail) : warn(detail, remedy);
    },
  };
  return [check];
};
