import { GolekError, type NamedTensor } from '@golek/api';
import { z } from 'zod';
import { parseBody } from '../request-body/parse-body.ts';
import { VERSION, type InferMessage } from './infer-message.ts';
import { isEmptyWordList } from './sampling-parameters.ts';
import { TEXT_INPUTS } from './text-ports.ts';

const Value = z.union([z.string(), z.number(), z.boolean()]);
/** One value, or a list with one. */
const One = <S extends z.ZodType>(schema: S) =>
  z.union([schema, z.tuple([schema])], 'expected one value, or a list with one');

/** The body of POST /v2/models/{model}/generate and …/generate_stream (Triton's generate extension). */
export const GenerateBody = z
  .object({
    id: z.string().max(512).exactOptional(),
    text_input: One(z.string()),
    stream: One(z.boolean()).exactOptional(),
    sampling_parameters: z
      .union([z.string(), z.record(z.string(), z.unknown())])
      .exactOptional()
      .describe("vLLM's sampling parameters as JSON object, or its text."),
    exclude_input_in_output: One(z.boolean()).exactOptional(),
    return_finish_reason: One(z.boolean()).exactOptional(),
    return_num_input_tokens: One(z.boolean()).exactOptional(),
    return_num_output_tokens: One(z.boolean()).exactOptional(),
    parameters: z.record(z.string(), Value).exactOptional().describe('The same by another way.'),
  })
  .catchall(z.unknown())
  .meta({ id: 'KserveGenerateRequest' });

/** The answer, and each piece of a stream. */
export const GenerateAnswer = z
  .looseObject({ model_name: z.string(), model_version: z.string(), text_output: z.string().exactOptional() })
  .meta({ id: 'KserveGenerateResponse' });

const NAMES = new Set<string>(TEXT_INPUTS.map(({ name }) => name));

const tensorOf = (name: string, value: unknown): NamedTensor => {
  const [single = value] = Array.isArray(value) ? (value as unknown[]) : [];
  if (typeof single === 'boolean') return { name, type: 'BOOL', shape: [1], data: Uint8Array.of(Number(single)) };
  const text = typeof single === 'string' ? single : JSON.stringify(single);
  return { name, type: 'BYTES', shape: [1], data: [text] };
};

/**
 * Reads a body: what has the name of an input is one, anything else is a sampling parameter, as TensorRT-LLM's inputs `max_tokens` and `temperature` are. A stream is streamed
 * unless the body says otherwise.
 */
export const readGenerateBody = (json: unknown, model: string, version: string, stream: boolean): InferMessage => {
  const { id = '', parameters = {}, ...fields } = parseBody(GenerateBody, json);
  const inputs = Object.entries(fields).filter(([name, value]) => NAMES.has(name) && value !== undefined);
  const others = Object.entries(fields)
    .filter(([name]) => !NAMES.has(name))
    .map(([name, value]): [string, unknown] => [name, isEmptyWordList(name, value) ? '' : value]);
  const odd = others.find(([, value]) => !Value.safeParse(value).success);
  if (odd)
    throw new GolekError('invalid_request', `'${odd[0].slice(0, 256)}' has to be a text, a number or true or false`, {
      details: { path: odd[0].slice(0, 256) },
    });
  const tensors = inputs.map(([name, value]) => tensorOf(name, value));
  if (stream && fields.stream === undefined && parameters['stream'] === undefined)
    tensors.push(tensorOf('stream', true));
  return {
    model,
    version,
    id,
    parameters: { ...(Object.fromEntries(others) as InferMessage['parameters']), ...parameters },
    inputs: tensors,
  };
};

const valueOf = ({ type, data }: NamedTensor): unknown => {
  if (data instanceof Uint8Array && type === 'UINT32')
    return new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  return data[0];
};

/** Writes an answer or a piece of one. */
export const generateAnswer = (
  model: string,
  id: string,
  outputs: readonly NamedTensor[],
): z.infer<typeof GenerateAnswer> => ({
  ...(id !== '' && { id }),
  model_name: model,
  model_version: VERSION,
  ...Object.fromEntries(outputs.map((tensor) => [tensor.name, valueOf(tensor)])),
});
