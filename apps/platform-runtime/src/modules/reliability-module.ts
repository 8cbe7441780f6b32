import { ENGINE, RELIABILITY, reliabilityConfig, serviceToken, type SystemModule } from '@golek/system';
import { reliabilityRoutes } from '../http/admin/reliability-routes.ts';
import { cancelRoutes } from '../http/cancel-routes.ts';
import { openBreakers } from '../reliability/open-breakers.ts';
import { HEALTH_REPORTS, HTTP_ROUTES } from './http-module.ts';

const POLICY_CHANGES = serviceToken<Disposable>('policy changes');

/** Policies that follow the configuration, and the state of the targets on the server. */
export const reliabilityModule: SystemModule = {
  name: 'reliability',
  config: [reliabilityConfig],
  register: (registrar, { configuration }) => {
    registrar.register({
      token: POLICY_CHANGES,
      needs: [RELIABILITY],
      create: (reliability) => configuration.watch(reliabilityConfig, (settings) => reliability.configure(settings)),
    });
    registrar.contribute({
      to: HTTP_ROUTES,
      name: 'reliability',
      needs: [RELIABILITY],
      create: (reliability) => reliabilityRoutes(reliability),
    });
    registrar.contribute({ to: HTTP_ROUTES, name: 'cancel', needs: [ENGINE], create: cancelRoutes });
    registrar.contribute({
      to: HEALTH_REPORTS,
      name: 'reliability',
      needs: [RELIABILITY],
      create: (reliability) => () => openBreakers(reliability.states()),
    });
  },
};
