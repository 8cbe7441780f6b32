import { expect, test } from 'vitest';
import type { NamedTensor } from '@golek/providers-spi';
import { identityModel, type Element } from './onnx-writer.fixture.ts';
import { elementsOf, float32, int64 } from './tensors.fixture.ts';
import { failure, run, TestProvider } from './test-session.fixture.ts';

const tests = new TestProvider();

const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(values);

const EVERY_TYPE: readonly (readonly [Element, NamedTensor])[] = [
  ['float', float32('x', [4], [1.5, NaN, -Infinity, -0])],
  ['double', { name: 'x', type: 'FP64', shape: [1], data: bytes(24, 45, 68, 84, 251, 33, 9, 64) }],
  ['float16', { name: 'x', type: 'FP16', shape: [3], data: bytes(0, 60, 0, 124, 1, 0) }],
  ['int8', { name: 'x', type: 'INT8', shape: [2], data: bytes(255, 128) }],
  ['uint8', { name: 'x', type: 'UINT8', shape: [2, 1], data: bytes(255, 0) }],
  ['int16', { name: 'x', type: 'INT16', shape: [1, 1], data: bytes(0, 128) }],
  ['uint16', { name: 'x', type: 'UINT16', shape: [1], data: bytes(255, 255) }],
  ['int32', { name: 'x', type: 'INT32', shape: [1], data: bytes(0, 0, 0, 128) }],
  ['uint32', { name: 'x', type: 'UINT32', shape: [1], data: bytes(255, 255, 255, 255) }],
  ['int64', int64('x', [2], [-(2n ** 63n), 2n ** 53n + 1n])],
  ['uint64', { name: 'x', type: 'UINT64', shape: [1], data: bytes(255, 255, 255, 255, 255, 255, 255, 255) }],
  ['bool', { name: 'x', type: 'BOOL', shape: [3], data: bytes(1, 0, 1) }],
  ['string', { name: 'x', type: 'BYTES', shape: [3], data: ['', 'größer', '日本 \u{1f600}'] }],
];

test.each(EVERY_TYPE)('%s tensors go in and come out as they are', async (element, tensor) => {
  const dims = tensor.shape.map((_, axis) => `d${axis}`);
  await using session = await tests.open(identityModel({ name: 'x', element, dims }));
  const [output] = await run(session, [tensor]);
  expect(output).toEqual({ ...tensor, name: 'out_x' });
});

test('scalars, empty tensors and graphs of any rank', async () => {
  await using scalar = await tests.open(identityModel({ name: 'x', dims: [] }));
  expect(await run(scalar, [float32('x', [], [7])])).toEqual([float32('out_x', [], [7])]);
  await using any = await tests.open(identityModel({ name: 'x' }, { name: 's', element: 'string' }));
  for (const shape of [[], [1], [2, 0, 3], [1, 1, 1, 2]]) {
    const count = shape.reduce((product, dim) => product * dim, 1);
    const texts = { name: 's', type: 'BYTES' as const, shape, data: Array.from({ length: count }, () => 'a') };
    const [numbers, given] = await run(any, [
      float32(
        'x',
        shape,
        Array.from({ length: count }, () => 2),
      ),
      texts,
    ]);
    expect(numbers).toEqual(
      float32(
        'out_x',
        shape,
        Array.from({ length: count }, () => 2),
      ),
    );
    expect(given).toEqual({ ...texts, name: 'out_s' });
  }
});

test('bytes that do not begin at a multiple of their element are taken too', async () => {
  await using session = await tests.open(identityModel({ name: 'x', dims: ['n'] }));
  const { data } = float32('x', [2], [1, 2]);
  const shifted = new Uint8Array(9);
  shifted.set(data as Uint8Array, 1);
  const [output] = await run(session, [{ name: 'x', type: 'FP32', shape: [2], data: shifted.subarray(1) }]);
  expect(output && elementsOf(output)).toEqual([1, 2]);
});

test('a graph without inputs runs', async () => {
  const weights = [{ name: 'w', element: 'int32' as const, dims: [1], raw: bytes(5, 0, 0, 0) }];
  const nodes = [{ op: 'Identity', inputs: ['w'], outputs: ['y'] }];
  await using session = await tests.open({
    inputs: [],
    outputs: [{ name: 'y', element: 'int32', dims: [1] }],
    nodes,
    weights,
  });
  const [output] = await run(session, []);
  expect(output && elementsOf(output)).toEqual([5]);
});

test('a weight that old files list as an input is not asked for', async () => {
  const raw = new Uint8Array(Float32Array.of(3).buffer);
  await using session = await tests.open({
    irVersion: 3,
    inputs: [
      { name: 'x', dims: [1] },
      { name: 'w', dims: [1] },
    ],
    outputs: [{ name: 'y', dims: [1] }],
    nodes: [{ op: 'Mul', inputs: ['x', 'w'], outputs: ['y'] }],
    weights: [{ name: 'w', element: 'float', dims: [1], raw }],
  });
  expect(await run(session, [float32('x', [1], [2])])).toEqual([float32('y', [1], [6])]);
});

test('only the outputs that are asked for come, each once', async () => {
  await using session = await tests.open(identityModel({ name: 'a', dims: [1] }, { name: 'b', dims: [1] }));
  const inputs = [float32('a', [1], [1]), float32('b', [1], [2])];
  expect((await run(session, inputs)).map(({ name }) => name)).toEqual(['out_a', 'out_b']);
  expect(await run(session, inputs, { outputs: ['out_b', 'out_b'] })).toEqual([float32('out_b', [1], [2])]);
});

test('an output whose type the file leaves open is what the runtime infers', async () => {
  const spec = identityModel({ name: 'x', element: 'int64', dims: [1] });
  await using session = await tests.open({ ...spec, outputs: [{ name: 'out_x', type: 'none' }] });
  expect(await run(session, [int64('x', [1], [4])])).toEqual([int64('out_x', [1], [4])]);
});

test('what does not fit is refused with the input, what was given and what is expected', async () => {
  await using session = await tests.open(
    identityModel(
      { name: 'x', dims: [2, 'batch'] },
      { name: 's', element: 'string', dims: [1] },
      { name: 'b', element: 'bool', dims: [2] },
    ),
  );
  const x = float32('x', [2, 1], [1, 2]);
  const s: NamedTensor = { name: 's', type: 'BYTES', shape: [1], data: ['a'] };
  const b: NamedTensor = { name: 'b', type: 'BOOL', shape: [2], data: bytes(1, 0) };
  const refused: readonly (readonly [readonly NamedTensor[], string])[] = [
    [[x, s, b, { ...x, name: 'y' }], "no input 'y'; its inputs are x, s, b"],
    [[x, x, s, b], "'x' is given twice"],
    [[x], "also needs the input 's' (BYTES, shape [1]), 'b' (BOOL, shape [2])"],
    [[{ ...x, type: 'INT32' }, s, b], "'x' is INT32; model 'm' expects FP32"],
    [[{ ...x, shape: [1, 2] }, s, b], "'x' has the shape [1, 2]; model 'm' expects [2, batch]"],
    [[{ ...x, shape: [2] }, s, b], "'x' has the shape [2]; model 'm' expects [2, batch]"],
    [[{ ...x, shape: [2, 3] }, s, b], "'x' has 8 bytes; the shape [2, 3] of FP32 needs 24"],
    [[{ ...x, shape: [2, 2 ** 50] }, s, b], 'elements'],
    [[{ ...x, data: ['a', 'b'] }, s, b], "'x' is FP32: its data has to be bytes"],
    [[x, { ...s, data: bytes(1) }, b], "'s' is BYTES: its data has to be texts"],
    [[x, { ...s, data: [] }, b], "'s' has 0 texts; the shape [1] needs 1"],
    [[x, s, { ...b, data: bytes(1, 2) }], "'b' is BOOL: each of its bytes has to be 0 or 1"],
  ];
  for (const [inputs, message] of refused) {
    const error = await failure(run(session, inputs), 'invalid_request');
    expect(error.message).toContain(message);
    expect(error.details).toMatchObject({ field: 'inputs', model: 'm' });
  }
  const wrong = await failure(run(session, [x, s, b], { outputs: ['none'] }), 'invalid_request');
  expect(wrong.details).toMatchObject({ field: 'outputs', output: 'none', known: ['out_x', 'out_s', 'out_b'] });
  await failure(run(session, [x, s, b], { outputs: [] }), 'invalid_request');
  expect(await run(session, [x, s, b])).toHaveLength(3);
});

test('values that the graph cannot work on are refused in the words of the runtime', async () => {
  await using session = await tests.open({
    inputs: [
      { name: 'x', dims: ['n'] },
      { name: 'at', element: 'int64', dims: [1] },
    ],
    outputs: [{ name: 'y', dims: [1] }],
    nodes: [{ op: 'Gather', inputs: ['x', 'at'], outputs: ['y'] }],
  });
  const error = await failure(run(session, [float32('x', [1], [1]), int64('at', [1], [9])]), 'invalid_request');
  expect(error.message).toContain('out of data bounds');
  expect(await run(session, [float32('x', [1], [1]), int64('at', [1], [0])])).toEqual([float32('y', [1], [1])]);
});

test('an output that is a sequence of maps is refused by name, with the remedy; the others can be had', async () => {
  const spec = identityModel({ name: 'x', dims: [1, 2] });
  await using session = await tests.open({
    ...spec,
    outputs: [...spec.outputs, { name: 'probabilities', type: 'zipmap' }],
    nodes: [
      ...spec.nodes,
      {
        op: 'ZipMap',
        inputs: ['x'],
        outputs: ['probabilities'],
        domain: 'ai.onnx.ml',
        ints: { classlabels_int64s: [3, 4] },
      },
    ],
  });
  const inputs = [float32('x', [1, 2], [0.25, 0.75])];
  for (const outputs of [undefined, ['probabilities']]) {
    const error = await failure(run(session, inputs, outputs && { outputs }), 'unsupported');
    expect(error.message).toContain("output 'probabilities' of model 'm' is seq(map(int64, tensor(float)))");
    expect(error.message).toContain('outputs: out_x');
    expect(error.message).toContain('zipmap=False');
  }
  expect(await run(session, inputs, { outputs: ['out_x'] })).toHaveLength(1);
});
