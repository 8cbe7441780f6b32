import { GolekError, type NamedTensor } from '@golek/providers-spi';
import type { OnnxData, OnnxTensor, TensorPort, TensorType } from './graph.ts';
import type { OtherPort } from './graph-ports.ts';

type NumberType = Exclude<TensorType, 'BYTES'>;
type NumberData = Exclude<OnnxData, readonly string[]>;

const ARRAYS = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  // Its bits.
  FP16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const satisfies Record<NumberType, unknown>;

/** ONNX Runtime's own limit of what one tensor may hold is memory; this one keeps sizes exact. */
const MAX_ELEMENTS = 2 ** 40;

/** `[2, batch, ?]`; `any` where the graph does not say. */
const shapeOf = ({ dims, anyRank }: TensorPort): string =>
  anyRank ? 'any' : `[${dims.map((dim) => dim ?? '?').join(', ')}]`;

const refused = (model: string, problem: string, details: Readonly<Record<string, unknown>>): GolekError =>
  new GolekError('invalid_request', problem, { details: { field: 'inputs', model, ...details } });

/**
 * A request's tensors as the graph takes them, by name; number types without a copy where their bytes lie as the processor wants them. Throws `invalid_request` naming
 * the input, what was given and what is expected.
 */
export const feedsOf = (
  model: string,
  ports: readonly TensorPort[],
  given: readonly NamedTensor[],
): Record<string, OnnxTensor> => {
  const known = new Map(ports.map((port) => [port.name, port]));
  // A model may call an input '__proto__'.
  const feeds = Object.create(null) as Record<string, OnnxTensor>;
  const names = new Set<string>();
  for (const tensor of given) {
    const port = known.get(tensor.name);
    if (!port) {
      const inputs = [...known.keys()];
      const which = inputs.length > 0 ? `its inputs are ${inputs.join(', ')}` : 'it takes none';
      throw refused(model, `model '${model}' has no input '${tensor.name}'; ${which}`, {
        input: tensor.name,
        known: inputs,
      });
    }
    if (names.has(tensor.name)) throw refused(model, `input '${tensor.name}' is given twice`, { input: tensor.name });
    names.add(tensor.name);
    feeds[tensor.name] = feedOf(model, port, tensor);
  }
  const missing = ports.filter(({ name }) => !names.has(name));
  if (missing.length > 0) {
    const wanted = missing.map((port) => `'${port.name}' (${port.type}, shape ${shapeOf(port)})`).join(', ');
    throw refused(model, `model '${model}' also needs the input ${wanted}`, {
      missing: missing.map(({ name }) => name),
    });
  }
  return feeds;
};

const feedOf = (model: string, port: TensorPort, { name, type, shape, data }: NamedTensor): OnnxTensor => {
  if (type !== port.type)
    throw refused(model, `input '${name}' is ${type}; model '${model}' expects ${port.type}`, {
      input: name,
      given: type,
      expected: port.type,
    });
  if (!fits(shape, port))
    throw refused(
      model,
      `input '${name}' has the shape [${shape.join(', ')}]; model '${model}' expects ${shapeOf(port)}`,
      {
        input: name,
        given: shape,
        expected: port.dims,
      },
    );
  const elements = shape.reduce((product, dim) => product * dim, 1);
  if (elements > MAX_ELEMENTS)
    throw refused(model, `input '${name}' has ${elements} elements; at most ${MAX_ELEMENTS} are possible`, {
      input: name,
    });
  if (type === 'BYTES') {
    if (data instanceof Uint8Array)
      throw refused(model, `input '${name}' is BYTES: its data has to be texts`, { input: name });
    if (data.length !== elements)
      throw refused(
        model,
        `input '${name}' has ${data.length} texts; the shape [${shape.join(', ')}] needs ${elements}`,
        {
          input: name,
          given: data.length,
          expected: elements,
        },
      );
    return { type, dims: shape, data };
  }
  const array = ARRAYS[type];
  const bytes = elements * array.BYTES_PER_ELEMENT;
  if (!(data instanceof Uint8Array))
    throw refused(model, `input '${name}' is ${type}: its data has to be bytes, not texts`, { input: name });
  if (data.byteLength !== bytes)
    throw refused(
      model,
      `input '${name}' has ${data.byteLength} bytes; the shape [${shape.join(', ')}] of ${type} needs ${bytes}`,
      { input: name, given: data.byteLength, expected: bytes },
    );
  if (type === 'BOOL' && data.some((value) => value > 1))
    throw refused(model, `input '${name}' is BOOL: each of its bytes has to be 0 or 1`, { input: name });
  return { type, dims: shape, data: viewOf(type, data) };
};

const fits = (shape: readonly number[], { dims, anyRank }: TensorPort): boolean =>
  anyRank ||
  (shape.length === dims.length && dims.every((dim, axis) => typeof dim !== 'number' || dim === shape[axis]));

/** The elements in these bytes; copied only where they do not begin at a multiple of an element's size. */
const viewOf = (type: NumberType, bytes: Uint8Array): NumberData => {
  const array = ARRAYS[type];
  const length = bytes.byteLength / array.BYTES_PER_ELEMENT;
  if (bytes.byteOffset % array.BYTES_PER_ELEMENT === 0)
    return new array(bytes.buffer as ArrayBuffer, bytes.byteOffset, length);
  return new array(bytes.slice().buffer, 0, length);
};

/** Zeros or empty texts. */
export const emptyData = (type: TensorType, elements: number): OnnxData =>
  type === 'BYTES' ? new Array<string>(elements).fill('') : new ARRAYS[type](elements);

/** An output of the graph as an answer has it, without a copy. */
export const namedTensor = (name: string, { type, dims, data }: OnnxTensor): NamedTensor => ({
  name,
  type,
  shape: [...dims],
  data: ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
    : [...data],
});

/** Names of the outputs that a request asks for. Throws `invalid_request` for one that is not there, `unsupported` for one that is no tensor, with the remedy. */
export const wantedOutputs = (
  model: string,
  outputs: readonly TensorPort[],
  others: readonly OtherPort[],
  asked: readonly string[] | undefined,
): readonly string[] => {
  const tensors = outputs.map(({ name }) => name);
  const details = { field: 'outputs', model };
  const refuseOther = ({ name, what }: OtherPort): never => {
    const remedy = tensors.length > 0 ? `ask for the others by name (outputs: ${tensors.join(', ')}), or ` : '';
    throw new GolekError(
      'unsupported',
      `output '${name}' of model '${model}' is ${what}, and only tensors can be passed; ${remedy}export the model so that it is a tensor (skl2onnx and onnxmltools: zipmap=False)`,
      { details: { ...details, output: name } },
    );
  };
  if (asked === undefined) {
    const [other] = others;
    return other ? refuseOther(other) : tensors;
  }
  if (asked.length === 0)
    throw new GolekError(
      'invalid_request',
      "'outputs' is empty; name the outputs that are wanted, or leave it out for all",
      {
        details,
      },
    );
  for (const name of asked) {
    const other = others.find((port) => port.name === name);
    if (other) refuseOther(other);
    if (!tensors.includes(name))
      throw new GolekError(
        'invalid_request',
        `model '${model}' has no output '${name}'; its outputs are ${tensors.join(', ')}`,
        {
          details: { ...details, output: name, known: tensors },
        },
      );
  }
  return [...new Set(asked)];
};
