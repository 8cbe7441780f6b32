import { GolekError, type NamedTensor } from '@golek/api';
import { ELEMENT_CODECS } from '@golek/protocols/tensors';

// The format of NumPy's .npy files: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

/** NumPy has no BF16, and its texts have a fixed length. */
type NumberType = Exclude<NamedTensor['type'], 'BYTES' | 'BF16'>;

/** Little-endian or one byte, as NumPy names them. */
const DESCRIPTORS: Readonly<Record<NumberType, string>> = {
  BOOL: '|b1',
  UINT8: '|u1',
  UINT16: '<u2',
  UINT32: '<u4',
  UINT64: '<u8',
  INT8: '|i1',
  INT16: '<i2',
  INT32: '<i4',
  INT64: '<i8',
  FP16: '<f2',
  FP32: '<f4',
  FP64: '<f8',
};

const TYPES = new Map(Object.entries(DESCRIPTORS).map(([type, descriptor]) => [descriptor, type as NumberType]));

const MAGIC = Buffer.from('\u0093NUMPY', 'latin1');
/** Where the data begins is a multiple of it. */
const ALIGNMENT = 64;
/** Magic, version, length of the header in version 1. */
const PREFIX = MAGIC.length + 4;

const invalid = (problem: string): GolekError => new GolekError('invalid_request', problem);

interface Header {
  readonly text: string;
  /** Where the data begins. */
  readonly end: number;
}

const headerOf = (file: Buffer): Header => {
  if (!file.subarray(0, MAGIC.length).equals(MAGIC)) throw invalid('it is no .npy file: it does not begin as one');
  const version = file[MAGIC.length] ?? 0;
  if (version < 1 || version > 3) throw invalid(`it is a .npy file of version ${version}; known are 1 to 3`);
  const wide = version > 1;
  const start = PREFIX + (wide ? 2 : 0);
  if (file.length < start) throw invalid('it is cut short in its header');
  const end = start + (wide ? file.readUInt32LE(PREFIX - 2) : file.readUInt16LE(PREFIX - 2));
  if (file.length < end) throw invalid('it is cut short in its header');
  return { text: file.toString('utf8', start, end), end };
};

const valueIn = (header: string, key: string, value: string): string => {
  const found = new RegExp(`'${key}'\\s*:\\s*${value}`).exec(header)?.[1];
  if (found === undefined) throw invalid(`its header has no '${key}' that can be read: ${header.trim().slice(0, 200)}`);
  return found;
};

/** Reads an array in NumPy's form. Throws `invalid_request` with the remedy for what cannot be a tensor as it is. */
export const readNpy = (name: string, file: Buffer): NamedTensor => {
  const { text, end } = headerOf(file);
  const descriptor = valueIn(text, 'descr', `'([^']*)'`);
  const type = TYPES.get(descriptor.replace(/^=/, '<'));
  if (type === undefined) {
    const remedy = descriptor.startsWith('>') ? 'its bytes are big-endian; convert them' : 'convert it';
    throw invalid(`its elements are '${descriptor}'; ${remedy} with array.astype('<f4') or another type of numbers`);
  }
  const sizes = valueIn(text, 'shape', '\\(([\\d,\\s]*)\\)');
  const shape = sizes.split(',').flatMap((size) => (size.trim() === '' ? [] : [Number(size)]));
  if (valueIn(text, 'fortran_order', '(True|False)') === 'True' && shape.length > 1)
    throw invalid('its elements are in Fortran order; save it with numpy.ascontiguousarray(array)');
  const bytes = shape.reduce((product, size) => product * size, ELEMENT_CODECS[type].size);
  if (file.length - end !== bytes)
    throw invalid(
      `it has ${file.length - end} bytes of data; the shape [${shape.join(', ')}] of ${type} needs ${bytes}`,
    );
  return { name, type, shape, data: new Uint8Array(file.subarray(end)) };
};

/** The same form for a tensor. Throws `unsupported` for a type that NumPy does not have. */
export const npyOf = ({ name, type, shape, data }: NamedTensor): Buffer => {
  if (type === 'BYTES' || type === 'BF16' || !(data instanceof Uint8Array))
    throw new GolekError('unsupported', `'${name}' is ${type}, which .npy files do not hold; print it with --json`);
  const sizes = shape.length === 1 ? `${shape.join('')},` : shape.join(', ');
  const text = `{'descr': '${DESCRIPTORS[type]}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const padding = (ALIGNMENT - ((PREFIX + text.length + 1) % ALIGNMENT)) % ALIGNMENT;
  const header = `${text}${' '.repeat(padding)}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  return Buffer.concat([MAGIC, Uint8Array.of(1, 0), length, Buffer.from(header, 'latin1'), data]);
};
