import { asList, asObject, asText, malformedFailure, requestJson, type Upstream } from '@golek/providers-spi/remote';

/** Names of the models that an upstream says it has. Throws GolekError. */
export const listUpstreamModels = async (upstream: Upstream, signal: AbortSignal): Promise<readonly string[]> => {
  const json = await requestJson(upstream, { method: 'GET', path: '/models' }, signal);
  const data = asObject(json)?.['data'];
  if (!Array.isArray(data)) {
    throw malformedFailure('no list of models', JSON.stringify(json), upstream.failureContext());
  }
  return asList(data).flatMap((model) => asText(asObject(model)?.['id']) ?? []);
};
