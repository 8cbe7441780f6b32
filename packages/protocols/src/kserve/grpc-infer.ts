import { GolekError, type NamedTensor } from '@golek/api';
import { VERSION, type InferAnswer, type InferMessage } from './infer-message.ts';
import { readParameters, wireParameters, type Parameters } from './parameters.ts';
import { rawBytes, readRawTensor } from './raw-tensor.ts';
import { readContents } from './typed-contents.ts';
import type {
  InferParameter,
  InferTensorContents,
  ModelInferRequest,
  ModelInferResponse,
  ModelInferRequest_InferInputTensor as WireTensor,
} from './wire/grpc-service.ts';

const NO_CONTENTS: InferTensorContents = {
  boolContents: [],
  intContents: [],
  int64Contents: [],
  uintContents: [],
  uint64Contents: [],
  fp32Contents: [],
  fp64Contents: [],
  bytesContents: [],
};

/** Shared memory and what else stands at a tensor changes what it is: nothing of it is skipped. */
const refuseParameters = (name: string, parameters: ReadonlyMap<string, InferParameter>): void => {
  const [first] = parameters.keys();
  if (first === undefined) return;
  throw new GolekError(
    'unsupported',
    `tensor '${name}' has the parameter '${first}', which is not supported; send its contents in the request`,
  );
};

const readTensors = (tensors: readonly WireTensor[], raw: readonly Uint8Array[], what: string): NamedTensor[] => {
  if (raw.length > 0 && raw.length !== tensors.length)
    throw new GolekError(
      'invalid_request',
      `there are ${raw.length} raw contents for ${tensors.length} ${what}; send one for each, in order`,
    );
  return tensors.map((tensor, index) => {
    refuseParameters(tensor.name, tensor.parameters);
    const bytes = raw[index];
    if (!bytes) return readContents(tensor, tensor.contents ?? NO_CONTENTS);
    if (tensor.contents)
      throw new GolekError('invalid_request', `tensor '${tensor.name}' has typed and raw contents; send one of them`);
    return readRawTensor(tensor, bytes);
  });
};

/** Reads a request. Throws `invalid_request` and `unsupported`. */
export const readModelInfer = (request: ModelInferRequest): InferMessage => {
  for (const { name, parameters } of request.outputs) refuseParameters(name, parameters);
  return {
    model: request.modelName,
    version: request.modelVersion,
    id: request.id,
    parameters: readParameters(request.parameters),
    inputs: readTensors(request.inputs, request.rawInputContents, 'inputs'),
    ...(request.outputs.length > 0 && { outputs: request.outputs.map(({ name }) => name) }),
  };
};

const wireTensor = ({ name, type, shape }: NamedTensor): WireTensor => ({
  name,
  datatype: type,
  shape: shape.map(BigInt),
  parameters: new Map(),
  contents: undefined,
});

/** The request with raw contents. */
export const modelInferRequest = ({
  model,
  version,
  id,
  parameters,
  inputs,
  outputs = [],
}: InferMessage): ModelInferRequest => ({
  modelName: model,
  modelVersion: version,
  id,
  parameters: wireParameters(parameters),
  inputs: inputs.map(wireTensor),
  outputs: outputs.map((name) => ({ name, parameters: new Map<string, InferParameter>() })),
  rawInputContents: inputs.map(rawBytes),
});

/** The answer with raw contents. */
export const modelInferResponse = ({ model, id, parameters, outputs }: InferAnswer): ModelInferResponse => ({
  modelName: model,
  modelVersion: VERSION,
  id,
  parameters: wireParameters(parameters),
  outputs: outputs.map(wireTensor),
  rawOutputContents: outputs.map(rawBytes),
});

/** Reads an answer. Throws `invalid_request` for tensors that are none. */
export const readModelInferResponse = (
  response: ModelInferResponse,
): { readonly parameters: Parameters; readonly outputs: NamedTensor[] } => ({
  parameters: readParameters(response.parameters),
  outputs: readTensors(response.outputs, response.rawOutputContents, 'outputs'),
});
