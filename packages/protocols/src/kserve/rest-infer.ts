import { GolekError, type NamedTensor } from '@golek/api';
import { z } from 'zod';
import { parseBody } from '../request-body/parse-body.ts';
import { VERSION, type InferAnswer, type InferMessage } from './infer-message.ts';
import { joinFrame } from './binary-frame.ts';
import type { Parameters } from './parameters.ts';
import { readRestTensors, RestTensor, restTensor } from './rest-tensor.ts';

const RestParameters = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

const RestOutput = z.strictObject({
  name: z.string().min(1),
  parameters: RestParameters.exactOptional().describe('`binary_data`: its bytes stand behind the JSON of the answer.'),
});

/** The body of POST /v2/models/{model}/infer. */
export const InferRequestBody = z
  .strictObject({
    id: z.string().max(512).exactOptional().describe('Comes back in the answer.'),
    parameters: RestParameters.exactOptional().describe(
      '`binary_data_output`: outputs stand as bytes behind the JSON of the answer.',
    ),
    inputs: z.array(RestTensor),
    outputs: z.array(RestOutput).exactOptional().describe('The outputs wanted. Default: all.'),
  })
  .meta({ id: 'KserveInferRequest' });

/** The answer of POST /v2/models/{model}/infer. */
export const InferResponseBody = z
  .looseObject({
    model_name: z.string(),
    model_version: z.string().exactOptional(),
    id: z.string().exactOptional(),
    parameters: RestParameters.exactOptional(),
    outputs: z.array(z.looseObject(RestTensor.shape)),
  })
  .meta({ id: 'KserveInferResponse' });

/** A request that came over HTTP. */
export interface RestInferMessage extends InferMessage {
  /** Whether the output of the name is wanted as bytes. */
  readonly isBinary: (output: string) => boolean;
}

const binaryOf = ({ name, parameters = {} }: z.infer<typeof RestOutput>, fallback: boolean): boolean => {
  const { binary_data: binary = fallback, ...others } = parameters;
  const [other] = Object.keys(others);
  if (other !== undefined)
    throw new GolekError(
      'unsupported',
      `output '${name}' has the parameter '${other}', which is not supported; leave it out`,
    );
  return binary === true;
};

/** Reads a body and the bytes behind its JSON. Throws `invalid_request`, `unknown_parameter` and `unsupported`. */
export const readInferBody = (json: unknown, binary: Uint8Array, model: string, version: string): RestInferMessage => {
  const { id = '', parameters: sent = {}, inputs, outputs } = parseBody(InferRequestBody, json);
  const { binary_data_output: all, ...parameters } = sent;
  const wanted = outputs && outputs.length > 0 ? outputs : undefined;
  const forms = new Map(wanted?.map((output) => [output.name, binaryOf(output, all === true)]));
  return {
    model,
    version,
    id,
    parameters,
    inputs: readRestTensors(inputs, binary, 'inputs'),
    ...(wanted && { outputs: wanted.map(({ name }) => name) }),
    isBinary: (output) => forms.get(output) ?? all === true,
  };
};

interface Body {
  readonly body: Uint8Array;
  readonly jsonLength: number | undefined;
}

const framed = (
  head: object,
  key: string,
  tensors: readonly NamedTensor[],
  isBinary: (name: string) => boolean,
): Body => {
  const written = tensors.map((tensor) => restTensor(tensor, isBinary(tensor.name)));
  return joinFrame(
    JSON.stringify({ ...head, [key]: written.map((tensor) => tensor.head) }),
    written.flatMap(({ bytes }) => bytes ?? []),
  );
};

/** Writes an answer. Throws `unsupported` for BYTES that JSON cannot hold. */
export const inferResponseBody = (
  { model, id, parameters, outputs }: InferAnswer,
  isBinary: RestInferMessage['isBinary'],
): Body =>
  framed(
    {
      model_name: model,
      model_version: VERSION,
      ...(id !== '' && { id }),
      ...(Object.keys(parameters).length > 0 && { parameters }),
    },
    'outputs',
    outputs,
    isBinary,
  );

/** Writes a request, tensors as bytes in both directions. */
export const inferRequestBody = ({ id, parameters, inputs, outputs }: InferMessage): Body =>
  framed(
    {
      ...(id !== '' && { id }),
      parameters: { ...parameters, binary_data_output: true },
      ...(outputs && { outputs: outputs.map((name) => ({ name, parameters: { binary_data: true } })) }),
    },
    'inputs',
    inputs,
    () => true,
  );

/** Reads an answer. Throws `invalid_request` for what is none. */
export const readInferResponseBody = (
  json: unknown,
  binary: Uint8Array,
): { readonly parameters: Parameters; readonly outputs: NamedTensor[] } => {
  const { parameters = {}, outputs } = parseBody(InferResponseBody, json);
  return { parameters, outputs: readRestTensors(outputs, binary, 'outputs') };
};
