import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ClassifyRequest, InferenceEvent, ModelSession } from '@golek/providers-spi';
import { describe, expect, test } from 'vitest';
import { createIsolatedOnnxProvider } from '../../index.ts';
import { drawn, gradient } from '../../media/pictures.fixture.ts';
import type { Picture } from '../../media/picture.ts';
import { modelBytes, type Element, type ModelSpec } from '../../onnx-writer.fixture.ts';
import { failure, never, TestProvider } from '../../test-session.fixture.ts';

const tests = new TestProvider();

/** The mean of each channel, and what a softmax makes of it. */
const meanOfColours = (element: Element, dims: readonly (number | string)[]): ModelSpec => ({
  inputs: [{ name: 'pixel_values', element, dims }],
  outputs: [{ name: 'probabilities', element, dims: ['n', 3] }],
  nodes: [
    { op: 'GlobalAveragePool', inputs: ['pixel_values'], outputs: ['means'] },
    { op: 'Flatten', inputs: ['means'], outputs: ['rows'] },
    { op: 'Softmax', inputs: ['rows'], outputs: ['probabilities'] },
  ],
});

let folders = 0;
const modelFolder = async (spec: ModelSpec, files: Readonly<Record<string, unknown>>): Promise<string> => {
  const folder = path.join(await tests.folder(), `media-${folders++}`, 'onnx');
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files))
    await writeFile(path.join(folder, '..', name), JSON.stringify(content));
  const location = path.join(folder, 'model.onnx');
  await writeFile(location, modelBytes(spec));
  return location;
};

const FILES = {
  'config.json': {
    architectures: ['ViTForImageClassification'],
    model_type: 'vit',
    id2label: { 0: 'red', 1: 'green', 2: 'blue' },
  },
  'preprocessor_config.json': {
    image_processor_type: 'ViTImageProcessor',
    size: { shortest_edge: 10 },
    do_center_crop: true,
    crop_size: { width: 8, height: 8 },
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  },
};

const request = async (...pictures: readonly Picture[]): Promise<ClassifyRequest> => ({
  task: 'classify',
  model: 'm',
  inputs: await Promise.all(
    pictures.map(async (picture) => {
      const data = (await drawn(picture).png().toBuffer()).toString('base64');
      return { type: 'image' as const, source: { kind: 'base64' as const, mediaType: 'image/png', data } };
    }),
  ),
});

const plain = (red: number, green: number, blue: number): Picture => ({
  width: 30,
  height: 20,
  channels: 3,
  data: Uint8Array.from({ length: 1800 }, (_, i) => [red, green, blue][i % 3] ?? 0),
});

const labels = async (session: ModelSession, asked: ClassifyRequest): Promise<InferenceEvent[]> =>
  (await Array.fromAsync(session.run(asked, { id: '1', signal: never }))).filter(({ type }) => type === 'label');

/** (byte / 255 - 0.5) / 0.5 of each channel, through a softmax. */
const expected = (...bytes: readonly number[]): number[] => {
  const weights = bytes.map((byte) => Math.exp((byte / 255 - 0.5) / 0.5));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
};

describe.each<[Element, number]>([
  ['float', 5],
  ['float16', 2],
])('a graph of %s', (element, digits) => {
  test.each(['in process', 'in a process of its own'] as const)('says what colour a picture has, %s', async (where) => {
    const location = await modelFolder(meanOfColours(element, ['n', 3, 'h', 'w']), FILES);
    await using own =
      where === 'in process' ? undefined : createIsolatedOnnxProvider({ threads: 1, executionProvider: 'cpu' });
    await using session = await (own ?? tests.provider).open({ name: 'm', location }, { signal: never });
    expect(session.manifest).toMatchObject({ tasks: ['tensor', 'classify'], architecture: 'vit' });
    expect(session.capabilities.options).toEqual(['input.image']);
    const found = await labels(session, await request(plain(200, 60, 20), plain(0, 250, 240)));
    const [red = 0, green = 0, blue = 0] = expected(200, 60, 20);
    const [none = 0, most = 0, more = 0] = expected(0, 250, 240);
    const wanted = [
      { index: 0, label: 'red', score: red },
      { index: 0, label: 'green', score: green },
      { index: 0, label: 'blue', score: blue },
      { index: 1, label: 'green', score: most },
      { index: 1, label: 'blue', score: more },
      { index: 1, label: 'red', score: none },
    ];
    expect(found).toEqual(
      wanted.map((one) => ({ type: 'label', ...one, score: expect.closeTo(one.score, digits) as number })),
    );
    await failure(labels(session, { task: 'classify', model: 'm', inputs: ['red'] }), 'unsupported');
  });
});

test('a picture in proportion, in a graph of bytes with the channels last', async () => {
  const spec: ModelSpec = {
    inputs: [{ name: 'image', element: 'uint8', dims: [1, 8, 8, 3] }],
    outputs: [{ name: 'y', element: 'float', dims: [1, 192] }],
    nodes: [
      { op: 'DequantizeLinear', inputs: ['image', 'one'], outputs: ['floats'] },
      { op: 'Flatten', inputs: ['floats'], outputs: ['y'] },
    ],
    weights: [{ name: 'one', element: 'float', dims: [], raw: new Uint8Array(Float32Array.of(1).buffer) }],
  };
  const location = await modelFolder(spec, {});
  await using session = await tests.open(location, {
    task: 'image-classify',
    scores: 'given',
    preprocessor: { resample: 0 },
  });
  // Nearest: each second pixel of each second row.
  const found = await labels(session, await request(gradient(16, 16)));
  const pixels = found.flatMap((event) =>
    event.type === 'label' ? [[Number(event.label.slice(6)), event.score] as const] : [],
  );
  const bytes = pixels.sort(([one], [other]) => one - other).map(([, score]) => score);
  const source = gradient(16, 16).data;
  const wanted = Array.from({ length: 192 }, (_, i) => {
    const [y, x, channel] = [Math.floor(i / 24), Math.floor(i / 3) % 8, i % 3];
    return source[3 * (16 * (2 * y + 1) + 2 * x + 1) + channel];
  });
  expect(bytes).toEqual(wanted);
});

test('files that ask for what is not done here are refused with the remedy, and overridden by options', async () => {
  const padded = { ...FILES['preprocessor_config.json'], do_pad: true };
  const location = await modelFolder(meanOfColours('float', ['n', 3, 8, 8]), {
    ...FILES,
    'preprocessor_config.json': padded,
  });
  const error = await failure(tests.open(location), 'unsupported');
  expect(error.message).toContain("the step 'do_pad'");
  expect(error.message).toContain("the option 'preprocessor' overrides its fields");
  await using tensors = await tests.open(location, { task: 'tensor' });
  expect(tensors.manifest.tasks).toEqual(['tensor']);
  await using session = await tests.open(location, { preprocessor: { do_pad: false }, labels: ['r', 'g', 'b'] });
  expect(await labels(session, { ...(await request(plain(255, 0, 0))), top: 1 })).toMatchObject([{ label: 'r' }]);
});

test.each<[object, string]>([
  [{ preprocessor: 'x' }, 'preprocessor'],
  [{ labels: [] }, 'labels'],
  [{ scores: 'logits' }, 'scores'],
  [{ speechThreshold: 2 }, 'speechThreshold'],
  [{ maxImagePixels: 0 }, 'maxImagePixels'],
])('the option %j is refused by name', async (options, key) => {
  const error = await failure(tests.open(meanOfColours('float', ['n', 3, 8, 8]), options), 'config_invalid');
  expect(error.details).toMatchObject({ key });
});
