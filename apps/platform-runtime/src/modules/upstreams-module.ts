import { createOpenAiProvider } from '@golek/provider-openai';
import { LOG, PROVIDERS, type SystemModule } from '@golek/system';
import { upstreamsConfig } from '../config/upstreams-config.ts';

/** A provider for each upstream of the configuration. Nothing is connected before a model is asked. */
export const upstreamsModule: SystemModule = {
  name: 'upstreams',
  config: [upstreamsConfig],
  register: (registrar, { configuration }) => {
    for (const { apiKey, headers, ...upstream } of configuration.get(upstreamsConfig)) {
      registrar.contribute({
        to: PROVIDERS,
        name: `upstream ${upstream.id}`,
        needs: [LOG],
        create: (log) =>
          createOpenAiProvider({
            ...upstream,
            headers: { ...headers },
            log,
            ...(apiKey !== undefined && { apiKey }),
          }),
      });
    }
  },
};
