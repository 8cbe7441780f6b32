import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { NamedTensor } from '@golek/providers-spi';
import { ELEMENT_TYPES } from './element-types.ts';
import { bytesOfNumbers } from './tensors.fixture.ts';

/** One of ONNX's own backend tests: a model, and what it has to make of given inputs. */
export interface NodeCase {
  /** `node/test_abs`. */
  readonly name: string;
  readonly model: string;
  readonly sets: readonly { readonly inputs: readonly CaseTensor[]; readonly outputs: readonly CaseTensor[] }[];
}

/** A tensor of a case; `tensor` is absent where the file holds a sequence, an optional, or a type that no request can have. */
export interface CaseTensor {
  readonly name: string;
  readonly tensor: NamedTensor | undefined;
}

/** All cases below a folder, in the order of their names. */
export const readCases = async (folder: string): Promise<NodeCase[]> => {
  const models = await readdir(folder, { recursive: true });
  const cases: NodeCase[] = [];
  for (const model of models.filter((file) => path.basename(file) === 'model.onnx').sort()) {
    const place = path.join(folder, path.dirname(model));
    const sets = (await readdir(place)).filter((name) => name.startsWith('test_data_set_')).sort();
    cases.push({
      name: path.dirname(model).split(path.sep).join('/'),
      model: path.join(folder, model),
      sets: await Promise.all(sets.map((set) => readSet(path.join(place, set)))),
    });
  }
  return cases;
};

const readSet = async (folder: string): Promise<NodeCase['sets'][number]> => {
  const all = async (prefix: string): Promise<CaseTensor[]> => {
    const tensors: CaseTensor[] = [];
    const count = (await readdir(folder)).filter((file) => file.startsWith(prefix)).length;
    for (let i = 0; i < count; i++) tensors.push(readTensor(await readFile(path.join(folder, `${prefix}${i}.pb`))));
    return tensors;
  };
  return { inputs: await all('input_'), outputs: await all('output_') };
};

interface Field {
  readonly number: number;
  readonly wire: number;
  readonly value: bigint;
  readonly bytes: Buffer;
}

const fieldsOf = (message: Buffer): Field[] => {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) throw new RangeError('a number has no end');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = Number(varint());
    const wire = key & 7;
    const value = wire === 0 || wire === 2 ? varint() : 0n;
    const length = wire === 2 ? Number(value) : wire === 1 ? 8 : wire === 5 ? 4 : 0;
    if (at + length > message.length || wire === 3 || wire === 4 || wire > 5)
      throw new RangeError('no protocol buffer');
    fields.push({ number: key >> 3, wire, value, bytes: message.subarray(at, at + length) });
    at += length;
  }
  return fields;
};

const varints = (field: Field): bigint[] => {
  if (field.wire === 0) return [field.value];
  const numbers: bigint[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of field.bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte >= 0x80) continue;
    numbers.push(value);
    value = 0n;
    shift = 0n;
  }
  return numbers;
};

/** A serialised TensorProto. */
const readTensor = (file: Buffer): CaseTensor => {
  let fields: Field[];
  try {
    fields = fieldsOf(file);
  } catch {
    return { name: '', tensor: undefined };
  }
  const all = (number: number): Field[] => fields.filter((field) => field.number === number);
  const name = all(8)[0]?.bytes.toString('utf8') ?? '';
  const code = Number(all(2)[0]?.value ?? 0n);
  const type = ELEMENT_TYPES[code]?.type;
  // A sequence or optional has its kind in field 2 and its contents in others.
  const isTensor =
    all(2).every(({ wire }) => wire === 0) && all(1).every(({ wire, bytes }) => wire === 0 || bytes.length > 0);
  if (!type || !isTensor) return { name, tensor: undefined };
  const shape = all(1).flatMap(varints).map(Number);
  if (type === 'BYTES')
    return { name, tensor: { name, type, shape, data: all(6).map(({ bytes }) => bytes.toString('utf8')) } };
  const raw = all(9)[0]?.bytes;
  if (raw) return { name, tensor: { name, type, shape, data: new Uint8Array(raw) } };
  const floats = [...all(4), ...all(10)];
  const numbers = [...all(5), ...all(7), ...all(11)].flatMap(varints);
  const data =
    floats.length > 0 ? new Uint8Array(Buffer.concat(floats.map(({ bytes }) => bytes))) : bytesOfNumbers(type, numbers);
  return { name, tensor: { name, type, shape, data } };
};
