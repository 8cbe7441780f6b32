import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readOnnxFile } from './onnx-file.ts';
import { bytesField, identityModel, modelBytes, numberField, type ModelSpec } from './onnx-writer.fixture.ts';
import { failure, never, TestProvider } from './test-session.fixture.ts';

const tests = new TestProvider();

const weighted = (external: Readonly<Record<string, string>>): ModelSpec => ({
  inputs: [{ name: 'x', dims: ['n', 3] }],
  outputs: [{ name: 'y', dims: ['n', 3] }],
  nodes: [{ op: 'Mul', inputs: ['x', 'w'], outputs: ['y'] }],
  weights: [{ name: 'w', element: 'float', dims: [2, 3], external }],
});

test('tells which outputs are probabilities already', async () => {
  const names = ['softmax', 'sigmoid', 'relu'];
  const spec: ModelSpec = {
    inputs: [{ name: 'x', dims: ['n', 3] }],
    outputs: names.map((name) => ({ name, dims: ['n', 3] })),
    nodes: [
      { op: 'Softmax', inputs: ['x'], outputs: ['softmax'] },
      { op: 'Sigmoid', inputs: ['x'], outputs: ['sigmoid'] },
      { op: 'Relu', inputs: ['softmax'], outputs: ['relu'] },
    ],
  };
  const { header } = await readOnnxFile(await tests.write(spec), never);
  expect([...header.probabilities]).toEqual(['softmax', 'sigmoid']);
});

test('reads what a file says of itself, without its weights', async () => {
  const spec: ModelSpec = {
    ...identityModel({ name: 'ids', element: 'int64', dims: ['batch', 'sequence'] }, { name: 'any' }),
    weights: [
      { name: 'w', element: 'float16', dims: [3, 5], raw: new Uint8Array(30) },
      { name: 'big', element: 'int8', dims: [3 << 20], raw: new Uint8Array(3 << 20) },
    ],
    metadata: { author: 'somebody' },
  };
  const { header, sizeBytes } = await readOnnxFile(await tests.write(spec), never);
  expect(sizeBytes).toBe(modelBytes(spec).length);
  expect(header).toMatchObject({ irVersion: 8, producer: 'golek-tests', nodes: 2 });
  expect(header.opsets).toEqual([
    { domain: '', version: 17 },
    { domain: 'ai.onnx.ml', version: 3 },
  ]);
  expect(header.metadata.get('author')).toBe('somebody');
  expect(header.elements).toEqual(
    new Map([
      [10, 15],
      [3, 3 << 20],
    ]),
  );
  expect(header.inputs).toEqual([
    { name: 'ids', type: { kind: 'tensor', element: 7, dims: ['batch', 'sequence'] } },
    { name: 'any', type: { kind: 'tensor', element: 1, dims: undefined } },
  ]);
});

test('a manifest says what the file says', async () => {
  const location = await tests.write({
    ...identityModel({ name: 'x' }),
    weights: [{ name: 'w', element: 'int8', dims: [7], raw: new Uint8Array(7) }],
  });
  const manifest = await tests.provider.inspect({ name: 'm', location }, { signal: never });
  expect(manifest).toMatchObject({
    name: 'm',
    provider: 'onnx',
    format: 'onnx',
    source: location,
    parameterCount: 7,
    quantization: 'int8',
  });
  expect(manifest.tasks).toContain('tensor');
});

const bytes = modelBytes(identityModel({ name: 'x', dims: [1] }));

test.each<readonly [string, Uint8Array | string, string]>([
  ['an empty file', '', 'does not say which version'],
  ['a text', 'root:x:0:0:root:/root:/bin/bash\n', 'damaged'],
  ['a GGUF file', 'GGUF\x03\0\0\0', 'it is a GGUF file'],
  ['a pointer of Git LFS', 'version https://git-lfs.github.com/spec/v1\noid sha256:…', 'git lfs pull'],
  ['a web page', '<!DOCTYPE html><html>', 'the download has failed'],
  ["the runtime's own format", '\x20\0\0\0ORTM', '.onnx file that it was made from'],
  ['a file that ends in its graph', bytes.subarray(0, 40), 'truncated or damaged'],
  ['a file without a graph', numberField(1, 8), 'it has no graph'],
  ['a file with two graphs', Buffer.concat([bytes, bytes]), 'it has two graphs'],
  ['a graph without outputs', modelBytes({ inputs: [], outputs: [], nodes: [] }), 'no outputs'],
  ['a version of the wrong kind', bytesField(1, 'eight'), 'wrong kind'],
  ['a number without an end', new Uint8Array(12).fill(0xff), 'has no end'],
  [
    'two inputs of one name',
    modelBytes({ ...identityModel({ name: 'x' }), inputs: [{ name: 'x' }, { name: 'x' }] }),
    "called 'x'",
  ],
  ['a name that is too long', modelBytes(identityModel({ name: 'x'.repeat(70_000) })), 'at most'],
])('%s is refused, saying what is wrong', async (_, content, message) => {
  const file = path.join(await tests.folder(), 'wrong.onnx');
  await writeFile(file, typeof content === 'string' ? Buffer.from(content, 'latin1') : content);
  const error = await failure(readOnnxFile(file, never), 'model_invalid');
  expect(error.message).toContain(`'${file}' is no usable ONNX file: `);
  expect(error.message).toContain(message);
});

test('a folder and a missing file are named', async () => {
  const folder = await tests.folder();
  await failure(readOnnxFile(folder, never), 'model_invalid');
  await failure(readOnnxFile(path.join(folder, 'none.onnx'), never), 'model_not_found');
});

test('weights in files of their own are counted, and have to be there, whole and in the folder', async () => {
  const folder = await tests.folder();
  await mkdir(path.join(folder, 'weights'), { recursive: true });
  await writeFile(path.join(folder, 'weights/w.bin'), new Uint8Array(100));
  const location = 'weights/w.bin';
  const whole = weighted({ location, offset: '8', length: '24' });
  const { sizeBytes } = await readOnnxFile(await tests.write(whole), never);
  expect(sizeBytes).toBe(modelBytes(whole).length + 100);
  const refused: readonly (readonly [Readonly<Record<string, string>>, string])[] = [
    [{ location, offset: '90', length: '24' }, 'ends at byte 114'],
    [{ location, offset: '1e3' }, "the offset of weight 'w' is '1e3'"],
    [{ location: 'none.bin' }, "the file 'none.bin' with the weight 'w' is missing"],
    [{ location: '../secret.bin' }, "outside of the model's folder"],
    [{ location: 'weights/../../secret.bin' }, "outside of the model's folder"],
    [{ location: '/etc/passwd' }, "outside of the model's folder"],
    [{ offset: '0' }, 'not named'],
  ];
  for (const [external, message] of refused) {
    const error = await failure(readOnnxFile(await tests.write(weighted(external)), never), 'model_invalid');
    expect(error.message).toContain(message);
  }
});

test('whatever is changed in a file, the reader ends with a header or a refusal', async () => {
  const file = path.join(await tests.folder(), 'mutated.onnx');
  const original = modelBytes({
    ...weighted({ location: 'weights/w.bin' }),
    outputs: [
      { name: 'y', dims: ['n', 3] },
      { name: 'z', type: 'zipmap' },
    ],
    metadata: { key: 'value' },
  });
  let seed = 7;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  let refused = 0;
  for (let round = 0; round < 500; round++) {
    const mutated = Buffer.from(original);
    for (let change = 0; change <= round % 4; change++) mutated[random(mutated.length)] = random(256);
    await writeFile(file, round % 5 === 0 ? mutated.subarray(0, random(mutated.length)) : mutated);
    await readOnnxFile(file, never).catch((error: unknown) => {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'model_invalid') throw error;
      refused++;
    });
  }
  expect(refused).toBeGreaterThan(100);
});
