import { LOG, MODELS, PROVIDERS, type SystemModule } from '@golek/system';
import { upstreamsConfig } from '../config/upstreams-config.ts';
import { upstreamRoutes } from '../http/admin/upstream-routes.ts';
import { upstreamProvider } from '../models/upstream-provider.ts';
import { listProblems, upstreamStates } from '../models/upstream-state.ts';
import { HEALTH_REPORTS, HTTP_ROUTES } from './http-module.ts';
import { CATALOGUE, FOLLOWER, LISTS } from './models-module.ts';

/** A provider for each upstream of the configuration, and what became of the models that these list, on the server. */
export const upstreamsModule: SystemModule = {
  name: 'upstreams',
  config: [upstreamsConfig],
  register: (registrar, { configuration }) => {
    for (const upstream of configuration.get(upstreamsConfig)) {
      registrar.contribute({
        to: PROVIDERS,
        name: `upstream ${upstream.id}`,
        needs: [LOG],
        create: (log) => upstreamProvider(upstream, log),
      });
    }
    registrar.contribute({
      to: HTTP_ROUTES,
      name: 'upstreams',
      needs: [LISTS, FOLLOWER, CATALOGUE, MODELS],
      create: (lists, follower, catalogue, models) =>
        upstreamRoutes(() => upstreamStates(lists.states, follower.leftOut, catalogue.failed, models.list())),
    });
    registrar.contribute({
      to: HEALTH_REPORTS,
      name: 'lists of upstreams',
      needs: [LISTS],
      create: (lists) => () => listProblems(lists.states),
    });
  },
};
