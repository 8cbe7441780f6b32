import { GolekError, TensorType, type NamedTensor } from '@golek/api';
import { bytesData, bytesElements, joinElements, splitElements } from '../tensors/serialized-bytes.ts';
import { ELEMENT_CODECS } from '../tensors/tensor-elements.ts';

/** Name, type and shape of a tensor, as the protocol has them. */
export interface TensorHead {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly (number | bigint)[];
}

const refused = (name: string, problem: string): GolekError =>
  new GolekError('invalid_request', `tensor '${name.slice(0, 256)}' ${problem}`, {
    details: { tensor: name.slice(0, 256) },
  });

/** The type by its name on the wire. Throws `invalid_request` with the known ones. */
export const typeOf = ({ name, datatype }: Pick<TensorHead, 'name' | 'datatype'>): TensorType => {
  const known = TensorType.safeParse(datatype);
  if (known.success) return known.data;
  throw refused(name, `has the datatype '${datatype.slice(0, 32)}'; known are ${TensorType.options.join(', ')}`);
};

/** Sizes as numbers. Throws `invalid_request` for one that is negative or cannot be counted. */
export const shapeOf = ({ name, shape }: Pick<TensorHead, 'name' | 'shape'>): number[] =>
  shape.map((size) => {
    const number = Number(size);
    if (Number.isSafeInteger(number) && number >= 0) return number;
    throw refused(name, `has the shape [${shape.slice(0, 16).join(', ')}]; expected sizes of 0 and more`);
  });

export const elementCount = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Throws `invalid_request` when there are not as many elements as the shape says. */
export const checkCount = (name: string, shape: readonly number[], count: number): void => {
  const needed = elementCount(shape);
  if (count !== needed) throw refused(name, `has ${count} elements; its shape [${shape.join(', ')}] needs ${needed}`);
};

/** A tensor of its bytes on the wire, which are copied: they lie in a message whose memory nobody should keep. Throws `invalid_request`. */
export const readRawTensor = (head: TensorHead, bytes: Uint8Array): NamedTensor => {
  const { name } = head;
  const type = typeOf(head);
  const shape = shapeOf(head);
  if (type === 'BYTES') {
    const elements = splitElements(bytes, `tensor '${name}'`);
    checkCount(name, shape, elements.length);
    return { name, type, shape, data: bytesData(elements) };
  }
  const needed = elementCount(shape) * ELEMENT_CODECS[type].size;
  if (bytes.length !== needed)
    throw refused(name, `has ${bytes.length} bytes; the shape [${shape.join(', ')}] of ${type} needs ${needed}`);
  return { name, type, shape, data: new Uint8Array(bytes) };
};

/** The bytes of a tensor on the wire. */
export const rawBytes = (tensor: NamedTensor): Uint8Array =>
  tensor.data instanceof Uint8Array ? tensor.data : joinElements(bytesElements(tensor));
