import { fieldsOf, type GgufField, type GgufFields } from './gguf-fields.ts';
import { randomOf, type Random } from '../random.ts';

/** A GGUF file that mutations are made of. */
export interface Original extends GgufFields {
  readonly file: Buffer;
}

export const originalOf = (file: Buffer): Original => ({ file, ...fieldsOf(file) });

type Mutation = (original: Original, random: Random) => Buffer;

/** Where sizes overflow, wrap, become negative or meet a limit. */
const EXTREMES: readonly bigint[] = [
  0n,
  1n,
  2n,
  3n,
  31n,
  32n,
  255n,
  65_536n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
  0x7fc0_0000_7fc0_0000n,
  0x7ff8_0000_0000_0000n,
];

const put = (file: Buffer, { at, bytes }: GgufField, value: bigint): void => {
  const whole = Buffer.alloc(8);
  whole.writeBigUInt64LE(value);
  whole.copy(file, at, 0, Math.min(bytes, 8));
};

const extreme = (file: Buffer, field: GgufField, random: Random): void => {
  const read = Buffer.alloc(8);
  file.copy(read, 0, field.at, field.at + Math.min(8, field.bytes));
  const near = BigInt.asUintN(64, read.readBigUInt64LE() + BigInt(random.below(5) - 2));
  put(file, field, random.below(4) === 0 ? near : random.of(EXTREMES));
};

const changed = ({ file }: Original, change: (copy: Buffer) => void): Buffer => {
  const copy = Buffer.from(file);
  change(copy);
  return copy;
};

const inField = (wanted: (field: GgufField) => boolean, times = 1): Mutation => {
  return (original, random) => {
    const fields = original.fields.filter(wanted);
    return changed(original, (copy) => {
      for (let i = 0; i < times; i++) extreme(copy, random.of(fields), random);
    });
  };
};

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  truncated: ({ file }, random) => file.subarray(0, random.below(file.length)),
  'header truncated': ({ file, end }, random) => file.subarray(0, random.below(end)),
  'bytes of the header': (original, random) =>
    changed(original, (copy) => {
      for (let i = 0; i < 8; i++) copy[random.below(original.end)] = random.below(256);
    }),
  'a large number somewhere': (original, random) =>
    changed(original, (copy) =>
      copy.writeBigUInt64LE(BigInt(random.below(2 ** 32)) << 31n, random.below(original.end)),
    ),
  'the rest of the header overwritten': (original, random) =>
    changed(original, (copy) => copy.fill(random.below(256), random.below(original.end), original.end)),
  'a value of the metadata': inField(({ part, kind }) => part === 'metadata' && kind === 'number'),
  'counts and lengths': inField(({ kind }) => kind === 'count' || kind === 'length', 2),
  'types and marks': inField(({ kind }) => kind === 'type' || kind === 'mark'),
  'the table of tensors': inField(({ part, kind }) => part === 'tensors' && kind !== 'text'),
  'a text': (original, random) => {
    const { at, bytes } = random.of(original.fields.filter(({ kind }) => kind === 'text'));
    return changed(original, (copy) => {
      for (let i = 0; i <= random.below(4); i++) copy[at + random.below(bytes)] = random.below(256);
    });
  },
  'the same name twice': (original, random) => {
    const texts = original.fields.filter(({ kind }) => kind === 'text');
    const one = random.of(texts);
    const other = random.of(texts.filter(({ bytes }) => bytes === one.bytes));
    return changed(original, (copy) => void copy.copy(copy, other.at, one.at, one.at + one.bytes));
  },
  'bytes taken out': ({ file, end }, random) => {
    const at = random.below(end);
    return Buffer.concat([file.subarray(0, at), file.subarray(at + 1 + random.below(64))]);
  },
  weights: (original, random) =>
    changed(original, (copy) => {
      const at = original.end + random.below(copy.length - original.end);
      copy.subarray(at, at + 1 + random.below(4096)).fill(random.of([0xff, 0x7f, 0x00, 0x80]));
    }),
};

const NAMES = Object.keys(MUTATIONS);

/** A damaged copy of a GGUF file, always the same one for the same number. */
export const mutateGguf = (original: Original, index: number): Buffer => {
  const mutation = MUTATIONS[mutationName(index)] as Mutation;
  return mutation(original, randomOf(index + 1));
};

/** What is wrong with it. */
export const mutationName = (index: number): string => NAMES[index % NAMES.length] as string;
