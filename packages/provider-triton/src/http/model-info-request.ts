import { readPorts } from '@golek/protocols/kserve';
import { GolekError } from '@golek/providers-spi';
import { asList, asObject, asText, requestJson, type JsonObject, type Upstream } from '@golek/providers-spi/remote';
import type { ModelInfo } from '../model-info.ts';
import { modelPath } from './model-path.ts';

const portOf = (value: unknown) => {
  const port = asObject(value);
  return {
    name: asText(port?.['name']) ?? '',
    datatype: asText(port?.['datatype']) ?? '',
    shape: asList(port?.['shape']).map(Number),
  };
};

/** 404 by the protocol, 400 by Triton. */
const isAbsent = (error: unknown): error is GolekError =>
  error instanceof GolekError && (error.details?.['status'] === 404 || error.details?.['status'] === 400);

/** What a server says of a model. Throws `model_not_found` where it has none that is ready. */
export const modelInfo = async (
  upstream: Upstream,
  model: string,
  version: string,
  signal: AbortSignal,
): Promise<ModelInfo> => {
  const get = async (end: string): Promise<JsonObject | undefined> =>
    asObject(await requestJson(upstream, { method: 'GET', path: modelPath(model, version, end) }, signal, model));
  let metadata: JsonObject | undefined;
  try {
    metadata = await get('');
  } catch (thrown) {
    if (!isAbsent(thrown)) throw thrown;
    throw new GolekError(
      'model_not_found',
      `upstream '${upstream.id}' (${upstream.host}) has no model '${model}' that is ready; load it there`,
      {
        cause: thrown,
        details: { upstream: upstream.id, model },
      },
    );
  }
  // A server without Triton's configuration extension has no models that answer more than once.
  const config = await get('/config').catch((thrown: unknown) => {
    if (isAbsent(thrown)) return undefined;
    throw thrown;
  });
  const optional = asList(config?.['input']).flatMap((input) =>
    asObject(input)?.['optional'] === true ? (asText(asObject(input)?.['name']) ?? []) : [],
  );
  return {
    inputs: readPorts(asList(metadata?.['inputs']).map(portOf), new Set(optional)),
    outputs: readPorts(asList(metadata?.['outputs']).map(portOf), new Set()),
    decoupled: asObject(config?.['model_transaction_policy'])?.['decoupled'] === true,
  };
};
