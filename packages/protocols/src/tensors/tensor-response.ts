import { GolekError, type InferenceResult, type NamedTensor } from '@golek/api';
import { z } from 'zod';
import { JsonTensor, jsonTensor, readTensor } from './json-tensor.ts';
import type { InferCall } from './tensor-request.ts';

/** The answer of POST /v1/infer. */
export const InferResponse = z
  .strictObject({
    id: z.string(),
    model: z.string(),
    outputs: z.array(JsonTensor.required({ shape: true })),
    warnings: z.array(z.string()).exactOptional(),
  })
  .meta({ id: 'InferResponse' });
export type InferResponse = z.infer<typeof InferResponse>;

/** Throws `provider_failed` when an output that was asked for is missing. */
export const inferResponse = (
  { tensors, warnings, model }: InferenceResult,
  id: string,
  { request, encoding }: InferCall,
): InferResponse => {
  const missing = request.outputs?.find((name) => !tensors.some((tensor) => tensor.name === name));
  if (missing !== undefined) throw new GolekError('provider_failed', `the provider gave no output '${missing}'`);
  return {
    id,
    model,
    outputs: tensors.map((tensor) => jsonTensor(tensor, encoding)),
    ...(warnings.length > 0 && { warnings }),
  };
};

/** The tensors of an answer. Throws `invalid_request` for one that is not as the schema says. */
export const outputsOf = ({ outputs }: InferResponse): NamedTensor[] =>
  outputs.map((tensor, index) => readTensor(tensor, `outputs[${index}]`));
