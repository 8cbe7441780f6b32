import type { Log } from '@golek/plugins-api';
import { createAnthropicProvider } from '@golek/provider-anthropic';
import { createGeminiProvider } from '@golek/provider-gemini';
import { createOllamaProvider } from '@golek/provider-ollama';
import { createOpenAiProvider } from '@golek/provider-openai';
import { createTritonProvider } from '@golek/provider-triton';
import type { Provider } from '@golek/providers-spi';
import type { UpstreamOptions } from '@golek/providers-spi/remote';
import type { UpstreamConfig, UpstreamType } from '../config/upstreams-config.ts';

/** The configuration has only the keys of the type. */
const PROVIDER_OF: Readonly<Record<UpstreamType, (options: UpstreamOptions) => Provider>> = {
  openai: createOpenAiProvider,
  anthropic: createAnthropicProvider,
  gemini: createGeminiProvider,
  ollama: createOllamaProvider,
  triton: createTritonProvider,
};

/** The provider of an upstream. Nothing is connected before it is asked. */
export const upstreamProvider = (
  { type, apiKey, headers, models: _models, ...upstream }: UpstreamConfig,
  log: Log,
): Provider =>
  PROVIDER_OF[type]({
    ...upstream,
    headers: { ...headers },
    log,
    ...(apiKey !== undefined && { apiKey }),
  });
