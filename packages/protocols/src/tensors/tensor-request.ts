import type { TensorRequest as CanonicalTensor } from '@golek/api';
import { z } from 'zod';
import { ModelName, User } from '../openai/common-fields.ts';
import { parseBody } from '../request-body/parse-body.ts';
import type { WireParams } from '../openai/wire-params.ts';
import { JsonTensor, jsonTensor, readTensor, type TensorEncoding } from './json-tensor.ts';

/** The body of POST /v1/infer: the canonical request with tensors as JSON. */
export const InferBody = z
  .strictObject({
    model: ModelName,
    inputs: z.array(JsonTensor).describe('None for a graph that takes none.'),
    outputs: z.array(z.string().min(1)).min(1).nullish().describe('Names of the outputs wanted. Default: all.'),
    encoding_format: z
      .enum(['json', 'base64'])
      .nullish()
      .describe(
        "Form of the outputs: values or, in base64, little-endian bytes. Default 'json'. Texts are always values.",
      ),
    user: User,
  })
  .meta({ id: 'InferRequest' });

export interface InferCall {
  readonly request: CanonicalTensor;
  readonly encoding: TensorEncoding;
}

/** Names on the wire of what errors of a tensor request are about. */
export const INFER_PARAMS: WireParams = { inputs: 'inputs', outputs: 'outputs' };

/** Reads a body. Throws `invalid_request` or `unknown_parameter`, with the parameter in `details.path`. */
export const readInferRequest = (json: unknown): InferCall => {
  const { model, inputs, outputs, encoding_format: encoding, user } = parseBody(InferBody, json);
  return {
    request: {
      task: 'tensor',
      model,
      inputs: inputs.map((tensor, index) => readTensor(tensor, `inputs[${index}]`)),
      ...(outputs != null && { outputs }),
      ...(user != null && { user }),
    },
    encoding: encoding ?? 'json',
  };
};

/** The body that asks for this, tensors as bytes in both directions. */
export const inferBody = ({ model, inputs, outputs, user }: CanonicalTensor): z.input<typeof InferBody> => ({
  model,
  inputs: inputs.map((tensor) => jsonTensor(tensor, 'base64')),
  ...(outputs && { outputs }),
  encoding_format: 'base64',
  ...(user !== undefined && { user }),
});
