import { GolekError, TensorType, type NamedTensor } from '@golek/api';
import { z } from 'zod';
import { invalid } from '../request-body/parse-body.ts';
import { bytesElements, textElements } from './serialized-bytes.ts';
import { ELEMENT_CODECS, type ElementValue } from './tensor-elements.ts';

/** More dimensions than any engine takes. */
const MAX_DIMENSIONS = 64;

/** A tensor as JSON: values, flat in row-major order or nested as the shape is; or the base64 of little-endian bytes. */
export const JsonTensor = z
  .strictObject({
    name: z.string().min(1),
    type: TensorType.describe('Element type, as in the Open Inference Protocol. BYTES are texts.'),
    shape: z
      .array(z.int().min(0))
      .max(MAX_DIMENSIONS)
      .exactOptional()
      .describe('Absent: as `data` is nested; of base64 one dimension.'),
    data: z
      .union([z.array(z.unknown()), z.string()], 'expected an array of values or a base64 string')
      .describe(
        "Values in row-major order, flat or nested: numbers, of BYTES strings, of BOOL booleans; whole numbers beyond ±2^53 and 'NaN', 'Infinity', '-Infinity' as strings. Or the little-endian bytes in base64.",
      ),
  })
  .meta({ id: 'Tensor' });
export type JsonTensor = z.infer<typeof JsonTensor>;

export type TensorEncoding = 'json' | 'base64';

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

const countOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

const shapeText = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** Sizes of nested arrays, by the first element of each level. */
const nestingOf = (data: readonly unknown[]): number[] => {
  const shape: number[] = [];
  for (let level: unknown = data; Array.isArray(level); level = level[0]) shape.push(level.length);
  return shape;
};

/** Elements of nested arrays in row-major order. Throws `invalid_request` where they are not as long as `shape` says. */
const flatten = (
  data: readonly unknown[],
  [size = 0, ...inner]: readonly number[],
  path: string,
  into: unknown[] = [],
): unknown[] => {
  if (data.length !== size)
    throw invalid(path, `'${path}' has ${data.length} elements where the others beside it have ${size}`);
  for (const [index, part] of data.entries()) {
    if (inner.length === 0) into.push(part);
    else if (Array.isArray(part)) flatten(part, inner, `${path}[${index}]`, into);
    else throw invalid(`${path}[${index}]`, `'${path}[${index}]' is no array, as the others beside it are`);
  }
  return into;
};

interface Elements {
  readonly shape: number[];
  readonly values: readonly unknown[];
}

const elementsOf = (data: readonly unknown[], shape: readonly number[] | undefined, path: string): Elements => {
  const nesting = nestingOf(data);
  const isNested = nesting.length > 1;
  if (isNested && shape && shapeText(shape) !== shapeText(nesting))
    throw invalid(path, `'${path}' is nested as ${shapeText(nesting)}, and its shape is ${shapeText(shape)}`);
  const values = isNested ? flatten(data, nesting, path) : data;
  const sizes = shape ? [...shape] : nesting;
  if (values.length !== countOf(sizes))
    throw invalid(path, `'${path}' has ${values.length} values; the shape ${shapeText(sizes)} needs ${countOf(sizes)}`);
  return { shape: sizes, values };
};

const shown = (value: unknown): string => {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = typeof value === 'string' ? `'${value}'` : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
};

const bytesOf = (
  type: Exclude<TensorType, 'BYTES'>,
  values: readonly unknown[],
  path: string,
): Uint8Array<ArrayBuffer> => {
  const { size, expected, write } = ELEMENT_CODECS[type];
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries())
    if (!write(view, index * size, value))
      throw invalid(path, `'${path}' is ${type}; its value ${index} is ${shown(value)}, expected ${expected}`);
  return bytes;
};

const textsOf = (values: readonly unknown[], path: string): string[] => {
  const index = values.findIndex((value) => typeof value !== 'string');
  if (index >= 0)
    throw invalid(path, `'${path}' is BYTES; its value ${index} is ${shown(values[index])}, expected a string`);
  return values as string[];
};

const fromBase64 = (text: string, path: string): Uint8Array<ArrayBuffer> => {
  if (text.length % 4 !== 0 || !BASE64.test(text)) throw invalid(path, `'${path}' is not base64 with padding`);
  // Memory of its own: a small Buffer lies among others, and engine processes get the whole of it.
  const bytes = new Uint8Array(Buffer.byteLength(text, 'base64'));
  Buffer.from(bytes.buffer).write(text, 'base64');
  return bytes;
};

/** Reads a tensor that was found at `path`. Throws `invalid_request` that names the path, what is there and what is expected. */
export const readTensor = ({ name, type, shape, data }: JsonTensor, path: string): NamedTensor => {
  const at = `${path}.data`;
  if (typeof data !== 'string') {
    const elements = elementsOf(data, shape, at);
    const values = type === 'BYTES' ? textsOf(elements.values, at) : bytesOf(type, elements.values, at);
    return { name, type, shape: elements.shape, data: values };
  }
  if (type === 'BYTES')
    throw invalid(at, `'${at}' is one string; the elements of BYTES are texts: send an array of strings`);
  const bytes = fromBase64(data, at);
  const { size } = ELEMENT_CODECS[type];
  const sizes = shape ?? [Math.floor(bytes.length / size)];
  const needed = countOf(sizes) * size;
  if (bytes.length !== needed)
    throw invalid(at, `'${at}' has ${bytes.length} bytes; the shape ${shapeText(sizes)} of ${type} needs ${needed}`);
  return { name, type, shape: sizes, data: bytes };
};

const textsIn = (tensor: NamedTensor): readonly string[] => {
  const texts = textElements(bytesElements(tensor));
  if (texts) return texts;
  throw new GolekError(
    'unsupported',
    `the tensor '${tensor.name}' has elements that are not UTF-8, which JSON cannot hold; ask for it in binary form`,
    { details: { tensor: tensor.name } },
  );
};

/** The elements of a tensor in row-major order. Throws `unsupported` for BYTES that are no texts. */
export const tensorValues = (tensor: NamedTensor): ElementValue[] => {
  const { type, data } = tensor;
  if (!(data instanceof Uint8Array)) return [...data];
  if (type === 'BYTES') return [...textsIn(tensor)];
  const { size, read } = ELEMENT_CODECS[type];
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: data.byteLength / size }, (_, index) => read(view, index * size));
};

/** A tensor as JSON. Texts are always values. */
export const jsonTensor = (tensor: NamedTensor, encoding: TensorEncoding): Required<JsonTensor> => {
  const { name, type, shape, data } = tensor;
  const isRaw = encoding === 'base64' && type !== 'BYTES' && data instanceof Uint8Array;
  const written = isRaw
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')
    : tensorValues(tensor);
  return { name, type, shape: [...shape], data: written };
};
