import type { ListedModel } from '@golek/providers-spi';
import {
  asCount,
  asList,
  asObject,
  asText,
  malformedFailure,
  requestJson,
  type JsonObject,
  type Upstream,
} from '@golek/providers-spi/remote';

/** Names of the models that an upstream says it has. Throws GolekError. */
export const listUpstreamModels = async (upstream: Upstream, signal: AbortSignal): Promise<readonly string[]> =>
  (await readList(upstream, signal)).flatMap(({ id }) => asText(id) ?? []);

/** The same with what the list tells of them; without models that another Golek says do nothing of what this provider can ask for. Throws GolekError. */
export const describeUpstreamModels = async (
  upstream: Upstream,
  signal: AbortSignal,
): Promise<readonly ListedModel[]> => (await readList(upstream, signal)).flatMap((model) => readModel(model) ?? []);

const readList = async (upstream: Upstream, signal: AbortSignal): Promise<readonly JsonObject[]> => {
  const json = await requestJson(upstream, { method: 'GET', path: '/models' }, signal);
  const data = asObject(json)?.['data'];
  if (!Array.isArray(data)) {
    throw malformedFailure('no list of models', JSON.stringify(json), upstream.failureContext());
  }
  return asList(data)
    .map(asObject)
    .filter((model) => model !== undefined);
};

/** OpenAI's own list tells neither tasks nor contexts; vLLM, OpenRouter and Groq have a field for the context, Golek an object of its own. */
const readModel = (model: JsonObject): ListedModel | undefined => {
  const location = asText(model['id']);
  if (location === undefined) return undefined;
  const golek = asObject(model['golek']);
  const told = Array.isArray(golek?.['tasks']) ? asList(golek['tasks']) : undefined;
  const tasks = told?.filter((task) => task === 'generate' || task === 'embed');
  if (tasks?.length === 0) return undefined;
  const contexts = [model['max_model_len'], model['context_length'], model['context_window'], golek?.['contextLength']];
  const contextLength = contexts.map(asCount).find((count) => count !== undefined && count > 0);
  return { location, options: { ...(tasks && { tasks }), ...(contextLength !== undefined && { contextLength }) } };
};
