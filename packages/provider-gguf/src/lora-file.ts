import { GolekError } from '@golek/providers-spi';
import { readGgufFile, type GgufFile } from './gguf-file.ts';
import type { GgufTensor } from './gguf-header.ts';
import { TENSOR_TYPES } from './gguf-types.ts';

const STRING = 8;
const UINT32 = 4;
const FLOAT32 = 6;
/** F32, F16, Q8_0 and BF16: what converters write and every back end multiplies. */
const WEIGHT_TYPES: ReadonlySet<number> = new Set([0, 1, 8, 30]);
/** GGML_MAX_NAME of llama.cpp. */
const MAX_NAME_BYTES = 63;

/**
 * Reads a LoRA adapter's header and checks that it fits the base model. llama.cpp's loader ends the process for files that it refuses, so
 * everything that it would refuse is refused here. Throws `model_not_found` or `model_invalid` with the adapter's name.
 */
export const checkAdapter = async (
  name: string,
  location: string,
  base: GgufFile,
  signal: AbortSignal,
): Promise<GgufFile> => {
  const refuse = (why: string, code: 'model_invalid' | 'unsupported' = 'model_invalid'): never => {
    throw new GolekError(code, `the adapter '${name}' cannot be used: '${location}' ${why}`, {
      details: { adapter: name, file: location },
    });
  };
  const file = await readGgufFile(location, signal).catch((cause: unknown) => {
    const error = GolekError.from(cause);
    throw new GolekError(error.code, `the adapter '${name}' cannot be used: ${error.message}`, {
      cause,
      details: { adapter: name, file: location },
    });
  });
  checkMetadata(file, base, refuse);
  checkLayout(file, refuse);
  checkPairs(file.header.tensors, base.tensors, refuse);
  return file;
};

type Refuse = (why: string, code?: 'model_invalid' | 'unsupported') => never;

const checkMetadata = ({ header: { metadata, types } }: GgufFile, base: GgufFile, refuse: Refuse): void => {
  const architecture = base.header.metadata.get('general.architecture');
  const wanted = {
    'general.type': 'adapter',
    'general.architecture': typeof architecture === 'string' ? architecture : '',
    'adapter.type': 'lora',
  };
  for (const [key, value] of Object.entries(wanted)) {
    const found = metadata.get(key);
    if (types.get(key) !== STRING || found !== value)
      refuse(`has ${found === undefined ? 'no' : 'the wrong'} '${key}': '${value}' is needed`);
  }
  const alpha = metadata.get('adapter.lora.alpha');
  if (alpha !== undefined && (types.get('adapter.lora.alpha') !== FLOAT32 || !Number.isFinite(alpha)))
    refuse("has an 'adapter.lora.alpha' that is no 32-bit float");
  if (metadata.has('adapter.alora.invocation_tokens'))
    refuse('is activated by tokens of the prompt (aLoRA), which is not supported', 'unsupported');
  if (metadata.has('split.count')) refuse('is one of several parts; join them to one file', 'unsupported');
  if (metadata.has('')) refuse('has a metadata key without a name');
  const alignment = metadata.get('general.alignment');
  if (alignment === undefined) return;
  if (types.get('general.alignment') !== UINT32 || !isPowerOfTwo(Number(alignment)))
    refuse("has a 'general.alignment' that is no power of two of 32 bits");
};

const isPowerOfTwo = (value: number): boolean => value > 0 && (value & (value - 1)) === 0;

/** Names are unique and short, and the data of the tensors follow each other without a gap. */
const checkLayout = ({ header: { metadata, tensors } }: GgufFile, refuse: Refuse): void => {
  const alignment = Number(metadata.get('general.alignment') ?? 32);
  const names = new Set<string>();
  let expected = 0;
  for (const { name, shape, elements, type, offset } of tensors) {
    const what = `has the tensor ${JSON.stringify(name.slice(0, MAX_NAME_BYTES))}`;
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) refuse(`${what} with a name of more than ${MAX_NAME_BYTES} bytes`);
    if (names.has(name)) refuse(`${what} twice`);
    names.add(name);
    const layout = TENSOR_TYPES[type];
    if (!layout || !WEIGHT_TYPES.has(type)) return refuse(`${what} of a type that is not F32, F16, BF16 or Q8_0`);
    if (elements < 1) refuse(`${what} without elements`);
    if ((shape[0] ?? 1) % layout.block !== 0) refuse(`${what} with rows that are no multiple of ${layout.block}`);
    if (offset !== expected) refuse(`${what} at ${offset} in its data instead of ${expected}`);
    expected += Math.ceil(((elements / layout.block) * layout.bytes) / alignment) * alignment;
  }
};

interface Pair {
  a?: GgufTensor;
  b?: GgufTensor;
}

/** Every `NAME.lora_a` has its `NAME.lora_b`, and both fit the base model's tensor NAME. */
const checkPairs = (tensors: readonly GgufTensor[], base: readonly GgufTensor[], refuse: Refuse): void => {
  const pairs = new Map<string, Pair>();
  for (const tensor of tensors) {
    // As llama.cpp does: adapters work well enough without the norms that they bring.
    if (tensor.name.endsWith('_norm.weight')) continue;
    const match = /^(.+)\.lora_([ab])$/.exec(tensor.name);
    if (!match) return refuse(`has the tensor ${JSON.stringify(tensor.name)}, which is no part of a LoRA adapter`);
    const [, name = '', side] = match;
    const pair = pairs.get(name) ?? {};
    pair[side as 'a' | 'b'] = tensor;
    pairs.set(name, pair);
  }
  if (pairs.size === 0) refuse('adapts nothing: it has no tensors named *.lora_a and *.lora_b');
  const known = new Map(base.map((tensor) => [tensor.name, tensor]));
  for (const [name, { a, b }] of pairs) {
    const what = JSON.stringify(name);
    if (!a || !b) return refuse(`has only one half of the pair ${what}`);
    const adapted = known.get(name);
    if (!adapted) return refuse(`adapts the tensor ${what}, which the base model does not have`);
    if (!fits(name, a, b, adapted))
      refuse(
        `adapts ${what} of the shape ${shapeText(adapted)} with ${shapeText(a)} and ${shapeText(b)}: it was made for another model`,
      );
  }
};

const shapeText = ({ shape }: GgufTensor): string => `[${shape.join(', ')}]`;

const fits = (name: string, a: GgufTensor, b: GgufTensor, adapted: GgufTensor): boolean => {
  const [inputs = 1, outputs, ...experts] = adapted.shape;
  if (outputs === undefined) return false;
  const [a0 = 1, a1 = 1, ...aRest] = a.shape;
  const [b0 = 1, b1 = 1, ...bRest] = b.shape;
  // The table of embeddings is read row by row instead of multiplied, so that its pair is turned round.
  const matches = name.endsWith('token_embd.weight')
    ? b1 === inputs && a1 === outputs && a0 === b0
    : a0 === inputs && b1 === outputs && a1 === b0;
  const same = (rest: readonly number[]): boolean => [0, 1].every((i) => (rest[i] ?? 1) === (experts[i] ?? 1));
  return matches && same(aRest) && same(bRest);
};
