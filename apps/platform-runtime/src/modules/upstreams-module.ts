import { createAnthropicProvider } from '@golek/provider-anthropic';
import { createGeminiProvider } from '@golek/provider-gemini';
import { createOllamaProvider } from '@golek/provider-ollama';
import { createOpenAiProvider } from '@golek/provider-openai';
import { createTritonProvider } from '@golek/provider-triton';
import type { Provider } from '@golek/providers-spi';
import type { UpstreamOptions } from '@golek/providers-spi/remote';
import { LOG, PROVIDERS, type SystemModule } from '@golek/system';
import { upstreamsConfig, type UpstreamType } from '../config/upstreams-config.ts';

/** The configuration has only the keys of the type. */
const PROVIDER_OF: Readonly<Record<UpstreamType, (options: UpstreamOptions) => Provider>> = {
  openai: createOpenAiProvider,
  anthropic: createAnthropicProvider,
  gemini: createGeminiProvider,
  ollama: createOllamaProvider,
  triton: createTritonProvider,
};

/** A provider for each upstream of the configuration. Nothing is connected before a model is asked. */
export const upstreamsModule: SystemModule = {
  name: 'upstreams',
  config: [upstreamsConfig],
  register: (registrar, { configuration }) => {
    for (const { type, apiKey, headers, ...upstream } of configuration.get(upstreamsConfig)) {
      registrar.contribute({
        to: PROVIDERS,
        name: `upstream ${upstream.id}`,
        needs: [LOG],
        create: (log) =>
          PROVIDER_OF[type]({
            ...upstream,
            headers: { ...headers },
            log,
            ...(apiKey !== undefined && { apiKey }),
          }),
      });
    }
  },
};
