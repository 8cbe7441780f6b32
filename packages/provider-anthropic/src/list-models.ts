import { asList, asObject, asText, malformedFailure, requestJson, type Upstream } from '@golek/providers-spi/remote';

/** Models of a page, and the most pages that are read. */
const PAGE = 1000;
const MOST_PAGES = 10;

/** Names of the models that an upstream says it has. Throws GolekError. */
export const listUpstreamModels = async (upstream: Upstream, signal: AbortSignal): Promise<readonly string[]> => {
  const names: string[] = [];
  for (let page = 0, after = ''; page < MOST_PAGES; page++) {
    const path = `/models?limit=${PAGE}${after}`;
    const json = asObject(await requestJson(upstream, { method: 'GET', path }, signal));
    if (!Array.isArray(json?.['data'])) {
      throw malformedFailure('no list of models', JSON.stringify(json ?? null), upstream.failureContext());
    }
    names.push(...asList(json['data']).flatMap((model) => asText(asObject(model)?.['id']) ?? []));
    const last = asText(json['last_id']);
    if (json['has_more'] !== true || last === undefined) break;
    after = `&after_id=${encodeURIComponent(last)}`;
  }
  return names;
};
