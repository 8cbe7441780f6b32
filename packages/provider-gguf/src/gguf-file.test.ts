import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { golekTiny } from '@golek/model-tiny';
import { readGgufFile } from './gguf-file.ts';
import { factsOf, manifestOf } from './gguf-manifest.ts';
import { failure } from './tiny-model.fixture.ts';

const never = new AbortController().signal;
let folder: string;
let model: Buffer;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'golek-gguf-'));
  model = await readFile(golekTiny.path);
});
afterAll(() => rm(folder, { recursive: true }));

const written = async (bytes: Uint8Array, name = 'x.gguf'): Promise<string> => {
  const file = path.join(folder, name);
  await writeFile(file, bytes);
  return file;
};
const read = (file: string) => readGgufFile(file, never);

const string = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  return Buffer.concat([uint64(bytes.length), bytes]);
};
const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const uint64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const entry = (key: string, type: number, value: Buffer): Buffer => Buffer.concat([string(key), uint32(type), value]);
const tensor = (name: string, dims: (number | bigint)[], type = 0, offset = 0): Buffer =>
  Buffer.concat([string(name), uint32(dims.length), ...dims.map(uint64), uint32(type), uint64(offset)]);
const gguf = (entries: Buffer[], tensors: Buffer[], data = 64): Buffer =>
  Buffer.concat([
    Buffer.from('GGUF'),
    uint32(3),
    uint64(tensors.length),
    uint64(entries.length),
    ...entries,
    ...tensors,
    Buffer.alloc(data),
  ]);

const architecture = entry('general.architecture', 8, string('llama'));
const one = tensor('t', [4]);

test('the manifest says what the file says', async () => {
  const file = await read(golekTiny.path);
  const facts = factsOf(file);
  expect(manifestOf({ name: 'tiny', location: golekTiny.path }, 'gguf', file, facts)).toEqual({
    name: 'tiny',
    provider: 'gguf',
    source: golekTiny.path,
    tasks: ['generate', 'embed', 'tokenize', 'detokenize', 'count'],
    format: 'gguf',
    architecture: 'llama',
    quantization: 'Q8_0',
    parameterCount: 4_098_816,
    sizeBytes: 4_444_096,
    contextLength: 1024,
    embeddingLength: 256,
    chatTemplate: true,
    license: 'apache-2.0',
    created: expect.any(Number) as number,
  });
  expect(facts).toMatchObject({ causal: true, pooling: 3, poolingSaid: true, sampling: {} });
});

test('facts of encoders, rerankers and recommended sampling', async () => {
  const flag = (key: string, on: boolean): Buffer => entry(key, 7, Buffer.of(on ? 1 : 0));
  const float = (key: string, value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    return entry(key, 6, bytes);
  };
  const of = async (...entries: Buffer[]) =>
    factsOf(await read(await written(gguf([architecture, ...entries], [one]))));
  expect((await of(flag('llama.attention.causal', false))).tasks).toEqual(['embed', 'tokenize', 'detokenize']);
  expect((await of(entry('llama.pooling_type', 4, uint32(4)))).tasks).toEqual(['tokenize', 'detokenize']);
  const ranker = gguf([architecture, entry('llama.pooling_type', 4, uint32(4))], [one, tensor('cls.weight', [4])]);
  expect(factsOf(await read(await written(ranker))).tasks).toEqual(['rerank', 'tokenize', 'detokenize']);
  expect(
    (await of(float('general.sampling.temp', 0.5), entry('general.sampling.top_k', 4, uint32(20)))).sampling,
  ).toEqual({ temperature: 0.5, topK: 20 });
});

test('a header larger than the first read is read whole', async () => {
  const words = Array.from({ length: 200_000 }, () => string('a long token'));
  const vocabulary = entry('tokenizer.ggml.tokens', 9, Buffer.concat([uint32(8), uint64(words.length), ...words]));
  const { header } = await read(await written(gguf([architecture, vocabulary], [one])));
  expect(header.metadata.get('tokenizer.ggml.tokens')).toEqual({ length: 200_000 });
});

test('a model in parts is read as one, and every part must be there', async () => {
  const part = gguf([architecture, entry('split.count', 2, Buffer.from([2, 0]))], [one]);
  const first = await written(part, 'm-00001-of-00002.gguf');
  await failure(read(first), 'model_not_found');
  await written(part, 'm-00002-of-00002.gguf');
  expect(await read(first)).toMatchObject({ parameterCount: 8, sizeBytes: 2 * part.length });
  const other = await failure(read(await written(part, 'other.gguf')), 'model_invalid');
  expect(other.message).toContain('NAME-00001-of-00002.gguf');
});

describe('what is no model is said by name', () => {
  test.each<[string, (model: Buffer) => Uint8Array]>([
    ['starts with "', () => Buffer.from('PK\u0003\u0004 not a model at all')],
    ['truncated', () => Buffer.alloc(0)],
    ['truncated', (bytes) => bytes.subarray(0, 20)],
    ['truncated', (bytes) => bytes.subarray(0, 40_000)],
    ["tensor '", (bytes) => bytes.subarray(0, bytes.length - 1000)],
    ['version is 1;', () => Buffer.concat([Buffer.from('GGUF'), uint32(1), Buffer.alloc(100)])],
    ['big-endian', () => Buffer.concat([Buffer.from('GGUF'), uint32(0x03000000), Buffer.alloc(100)])],
    [
      'tensors, more than',
      () => Buffer.concat([Buffer.from('GGUF'), uint32(3), uint64(2n ** 60n), uint64(0), Buffer.alloc(100)]),
    ],
    [
      'metadata keys, more than',
      () => Buffer.concat([Buffer.from('GGUF'), uint32(3), uint64(0), uint64(2n ** 63n), Buffer.alloc(100)]),
    ],
    ['a length of', () => gguf([Buffer.concat([uint64(2n ** 40n), Buffer.alloc(20)])], [])],
    ['unknown type 77', () => gguf([entry('a', 77, Buffer.alloc(0))], [])],
    ['array of the unknown type 9', () => gguf([entry('a', 9, Buffer.concat([uint32(9), uint64(1)]))], [])],
    ["elements of metadata key 'a'", () => gguf([entry('a', 9, Buffer.concat([uint32(4), uint64(2n ** 50n)]))], [])],
    ["'general.alignment'", () => gguf([entry('general.alignment', 4, uint32(0))], [])],
    ['dimensions', () => gguf([], [tensor('t', [1, 1, 1, 1, 1])])],
    ['elements', () => gguf([], [tensor('t', [2n ** 40n, 2n ** 40n])])],
    ['type 999', () => gguf([], [tensor('t', [4], 999)])],
    ['ends at byte', () => gguf([], [tensor('t', [4], 0, 1 << 20)])],
  ])('%s', async (words, make) => {
    const file = await written(make(model));
    const error = await failure(read(file), 'model_invalid');
    expect(error.message).toContain(file);
    expect(error.message).toContain(words);
  });

  test.each<[string, 'model_invalid' | 'unsupported', Buffer]>([
    ['general.architecture', 'model_invalid', gguf([], [one])],
    ['vocabulary only', 'model_invalid', gguf([architecture], [])],
    ["block_count' is 513", 'model_invalid', gguf([architecture, entry('llama.block_count', 4, uint32(513))], [one])],
    [
      "head_count_kv' is 3",
      'model_invalid',
      gguf(
        [
          architecture,
          entry('llama.attention.head_count', 4, uint32(4)),
          entry('llama.attention.head_count_kv', 4, uint32(3)),
        ],
        [one],
      ),
    ],
    ['holds a adapter', 'unsupported', gguf([architecture, entry('general.type', 8, string('adapter'))], [one])],
  ])('%s', async (words, code, bytes) => {
    const file = await read(await written(bytes));
    expect((await failure(() => factsOf(file), code)).message).toContain(words);
  });

  test('no file, a folder, an aborted read', async () => {
    expect((await failure(read(path.join(folder, 'none.gguf')), 'model_not_found')).message).toContain('none.gguf');
    await failure(read(path.join(golekTiny.path, 'below')), 'model_not_found');
    await failure(read(folder), 'model_invalid');
    await expect(readGgufFile(golekTiny.path, AbortSignal.abort('left'))).rejects.toBe('left');
  });

  test('any change of a byte of the header gives a header or model_invalid', async () => {
    const file = await written(model, 'mutated.gguf');
    const handle = await open(file, 'r+');
    let invalid = 0;
    // A fixed sequence, so that a failure can be repeated (Numerical Recipes' generator).
    let state = 1;
    const random = (below: number): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % below;
    for (let i = 0; i < 300; i++) {
      const at = random(i < 150 ? 200 : 60_000);
      await handle.write(Buffer.of(random(256)), 0, 1, at);
      await read(file).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'model_invalid' });
        invalid++;
      });
      await handle.write(model, at, 1, at);
    }
    await handle.close();
    expect(invalid).toBeGreaterThan(50);
  });
});
