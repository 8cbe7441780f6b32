import { fieldsOf } from './gguf-fields.ts';

const RANK = 4;
const STRING = 8;
const FLOAT32 = 6;

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const uint64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const text = (value: string): Buffer => Buffer.concat([uint64(Buffer.byteLength(value)), Buffer.from(value)]);
const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((32 - (bytes.length % 32)) % 32)]);

/** A LoRA adapter for the queries of a model's first layers. */
export const adapterFor = (model: Buffer): Buffer => {
  const tensors = queriesOf(model).flatMap(({ name, inputs, outputs }) => [
    { name: `${name}.lora_a`, shape: [inputs, RANK] },
    { name: `${name}.lora_b`, shape: [RANK, outputs] },
  ]);
  let offset = 0;
  const infos: Buffer[] = [];
  const data: Buffer[] = [];
  for (const { name, shape } of tensors) {
    infos.push(text(name), uint32(shape.length), ...shape.map(uint64), uint32(0), uint64(offset));
    const count = shape.reduce((product, size) => product * size, 1);
    const values = padded(Buffer.from(Float32Array.from({ length: count }, (_, i) => Math.sin(i) / 10).buffer));
    data.push(values);
    offset += values.length;
  }
  const alpha = Buffer.alloc(4);
  alpha.writeFloatLE(RANK);
  const entries = [
    ...['general.type:adapter', 'general.architecture:llama', 'adapter.type:lora'].map((entry) => {
      const [key = '', value = ''] = entry.split(':');
      return Buffer.concat([text(key), uint32(STRING), text(value)]);
    }),
    Buffer.concat([text('adapter.lora.alpha'), uint32(FLOAT32), alpha]),
  ];
  const start = [Buffer.from('GGUF'), uint32(3), uint64(tensors.length), uint64(entries.length)];
  return Buffer.concat([padded(Buffer.concat([...start, ...entries, ...infos])), ...data]);
};

const queriesOf = (model: Buffer): { name: string; inputs: number; outputs: number }[] => {
  const { fields } = fieldsOf(model);
  return fields.flatMap(({ at, bytes, kind, part }) => {
    if (kind !== 'text' || part !== 'tensors') return [];
    const name = model.toString('utf8', at, at + bytes);
    if (!/^blk\.[01]\.attn_q\.weight$/.test(name)) return [];
    // After the name: the number of dimensions, 4 bytes, and the dimensions, 8 bytes each.
    const size = (index: number): number => Number(model.readBigUInt64LE(at + bytes + 4 + 8 * index));
    return [{ name, inputs: size(0), outputs: size(1) }];
  });
};
