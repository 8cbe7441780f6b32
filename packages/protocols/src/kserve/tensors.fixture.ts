import { TensorType, type NamedTensor } from '@golek/api';
import fc from 'fast-check';
import { ELEMENT_CODECS } from '../tensors/tensor-elements.ts';

const shape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });

const countOf = (sizes: readonly number[]): number => sizes.reduce((product, size) => product * size, 1);

const bytes = (length: number): fc.Arbitrary<Uint8Array<ArrayBuffer>> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((all) => new Uint8Array(all));

/** Any tensor, in the bytes of its type; BOOL as 0 and 1, BYTES as texts. */
export const anyTensor: fc.Arbitrary<NamedTensor> = fc
  .record({ name: fc.string({ minLength: 1, unit: 'grapheme' }), type: fc.constantFrom(...TensorType.options), shape })
  .chain(({ name, type, shape: sizes }) => {
    const count = countOf(sizes);
    const data: fc.Arbitrary<NamedTensor['data']> =
      type === 'BYTES'
        ? fc.array(fc.string({ unit: 'grapheme' }), { minLength: count, maxLength: count })
        : type === 'BOOL'
          ? bytes(count).map((all) => all.map((value) => value & 1))
          : bytes(count * ELEMENT_CODECS[type].size);
    return data.map((known) => ({ name, type, shape: sizes, data: known }));
  });

export const textTensor = (name: string, ...texts: string[]): NamedTensor => ({
  name,
  type: 'BYTES',
  shape: [texts.length],
  data: texts,
});

export const flag = (name: string, value: boolean): NamedTensor => ({
  name,
  type: 'BOOL',
  shape: [1],
  data: Uint8Array.of(Number(value)),
});
