import { asList, asObject, asText, requestJson, type Upstream } from '@golek/providers-spi/remote';

/** The names of the server's models (GET /api/tags). */
export const listTags = async (upstream: Upstream, signal: AbortSignal): Promise<readonly string[]> => {
  const json = await requestJson(upstream, { method: 'GET', path: '/api/tags' }, signal);
  return asList(asObject(json)?.['models']).flatMap((model) => asText(asObject(model)?.['name']) ?? []);
};
