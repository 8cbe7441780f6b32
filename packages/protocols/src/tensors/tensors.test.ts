import { collect, TensorRequest, type NamedTensor, type TensorType } from '@golek/api';
import { describe, expect, test } from 'vitest';
import { eventsFrom } from '../openai/events.fixture.ts';
import { failure } from '../openai/failure.fixture.ts';
import { jsonTensor, readTensor, tensorValues, type JsonTensor } from './json-tensor.ts';
import { inferBody, readInferRequest } from './tensor-request.ts';
import { InferResponse, inferResponse, outputsOf } from './tensor-response.ts';

/** As a body arrives. */
const sent = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const read = (fields: object): NamedTensor => {
  const body = { model: 'm', inputs: [{ name: 'x', type: 'FP32', ...fields }] };
  const [tensor] = readInferRequest(sent(body)).request.inputs;
  return tensor!;
};

const bytes = (array: ArrayBufferView): Uint8Array<ArrayBuffer> => new Uint8Array(array.buffer as ArrayBuffer);

const VALUES: readonly [TensorType, readonly (number | string | boolean)[], Uint8Array<ArrayBuffer>][] = [
  ['BOOL', [true, false], Uint8Array.of(1, 0)],
  ['UINT8', [0, 255], Uint8Array.of(0, 255)],
  ['UINT16', [1, 65_535], bytes(Uint16Array.of(1, 65_535))],
  ['UINT32', [1, 4_294_967_295], bytes(Uint32Array.of(1, 4_294_967_295))],
  ['UINT64', [1, '18446744073709551615'], bytes(BigUint64Array.of(1n, 2n ** 64n - 1n))],
  ['INT8', [-128, 127], bytes(Int8Array.of(-128, 127))],
  ['INT16', [-32_768, 5], bytes(Int16Array.of(-32_768, 5))],
  ['INT32', [-2_147_483_648, 5], bytes(Int32Array.of(-2_147_483_648, 5))],
  ['INT64', [-5, '-9223372036854775808'], bytes(BigInt64Array.of(-5n, -(2n ** 63n)))],
  ['FP16', [1.5, 'NaN', -65_504], bytes(Uint16Array.of(0x3e00, 0x7e00, 0xfbff))],
  ['BF16', [1, -2.5, 'NaN'], bytes(Uint16Array.of(0x3f80, 0xc020, 0x7fc0))],
  ['FP32', [0.5, 'Infinity', '-Infinity'], bytes(Float32Array.of(0.5, Infinity, -Infinity))],
  ['FP64', [0.1, 1e308], bytes(Float64Array.of(0.1, 1e308))],
];

describe('every type', () => {
  test.each(VALUES)('%s as values and as bytes, in both directions', (type, values, data) => {
    const shape = [values.length];
    const tensor: NamedTensor = { name: 'x', type, shape, data };
    expect(read({ type, shape, data: values })).toEqual(tensor);
    expect(jsonTensor(tensor, 'json')).toEqual({ name: 'x', type, shape, data: values });
    const raw = jsonTensor(tensor, 'base64');
    expect(raw.data).toBe(Buffer.from(data).toString('base64'));
    expect(read(raw)).toEqual(tensor);
  });

  test('texts are values in both forms', () => {
    const tensor: NamedTensor = { name: 'x', type: 'BYTES', shape: [2], data: ['', 'ä\0'] };
    expect(read({ type: 'BYTES', data: ['', 'ä\0'] })).toEqual(tensor);
    expect(jsonTensor(tensor, 'base64')).toEqual(jsonTensor(tensor, 'json'));
  });

  test('numbers in other forms', () => {
    expect(tensorValues(read({ type: 'BOOL', data: [1, 0, true] }))).toEqual([true, false, true]);
    expect(tensorValues(read({ type: 'INT64', data: ['7', -0] }))).toEqual([7, 0]);
    expect(tensorValues(read({ type: 'FP16', data: [0.1] }))).toEqual([0.0999755859375]);
  });

  test('bytes at an odd place', () => {
    const data = new Uint8Array(9).subarray(1);
    new DataView(data.buffer).setFloat32(5, 2.5, true);
    expect(tensorValues({ name: 'x', type: 'FP32', shape: [2], data })).toEqual([0, 2.5]);
  });
});

describe('shapes', () => {
  test.each<[object, number[], number[]]>([
    [{ data: [1, 2, 3] }, [3], [1, 2, 3]],
    [{ shape: [3, 1], data: [1, 2, 3] }, [3, 1], [1, 2, 3]],
    [{ data: [[1, 2], [3, 4]] }, [2, 2], [1, 2, 3, 4]], // prettier-ignore
    [{ shape: [2, 1, 2], data: [[[1, 2]], [[3, 4]]] }, [2, 1, 2], [1, 2, 3, 4]],
    [{ shape: [], data: [5] }, [], [5]],
    [{ shape: [0, 3], data: [] }, [0, 3], []],
    [{ data: [[], []] }, [2, 0], []],
    [{ shape: [1, 2], data: Buffer.from(bytes(Float32Array.of(1, 2))).toString('base64') }, [1, 2], [1, 2]],
    [{ data: '' }, [0], []],
  ])('%j', (fields, shape, values) => {
    const tensor = read(fields);
    expect(tensor.shape).toEqual(shape);
    expect(tensorValues(tensor)).toEqual(values);
  });
});

test.each<[object, string, string]>([
  [{ shape: [2, 2], data: [1, 2, 3] }, 'inputs[0].data', '3 values; the shape [2, 2] needs 4'],
  [{ data: [[1, 2], [3]] }, 'inputs[0].data[1]', 'has 1 elements where the others beside it have 2'],
  [{ data: [[1], 2] }, 'inputs[0].data[1]', 'is no array'],
  [{ shape: [2], data: [[1, 2]] }, 'inputs[0].data', 'is nested as [1, 2], and its shape is [2]'],
  [{ data: [1, [2]] }, 'inputs[0].data', 'value 1 is an array of 1'],
  [{ data: [1, null] }, 'inputs[0].data', 'value 1 is null'],
  [{ data: ['1'] }, 'inputs[0].data', "value 0 is '1', expected a number"],
  [{ data: [1e39] }, 'inputs[0].data', 'expected a number within'],
  [{ type: 'FP16', data: [70_000] }, 'inputs[0].data', 'is FP16; its value 0 is 70000'],
  [{ type: 'UINT8', data: [256] }, 'inputs[0].data', 'expected a whole number from 0 to 255'],
  [{ type: 'INT32', data: [1.5] }, 'inputs[0].data', 'value 0 is 1.5'],
  [{ type: 'INT64', data: [2 ** 53] }, 'inputs[0].data', 'beyond ±2^53 as a string'],
  [{ type: 'INT64', data: ['9223372036854775808'] }, 'inputs[0].data', 'expected a whole number'],
  [{ type: 'UINT64', data: ['1e3'] }, 'inputs[0].data', "value 0 is '1e3'"],
  [{ type: 'BOOL', data: [2] }, 'inputs[0].data', 'expected true, false, 0 or 1'],
  [{ type: 'BYTES', data: [1] }, 'inputs[0].data', 'expected a string'],
  [{ type: 'BYTES', data: 'AA==' }, 'inputs[0].data', 'send an array of strings'],
  [{ data: 'AAA=' }, 'inputs[0].data', 'has 2 bytes; the shape [0] of FP32 needs 0'],
  [{ data: 'x_x=' }, 'inputs[0].data', 'is not base64'],
  [{ shape: [2], data: 'AAAAAA==' }, 'inputs[0].data', 'has 4 bytes; the shape [2] of FP32 needs 8'],
  [{ shape: [-1], data: [] }, 'inputs[0].shape[0]', 'is invalid'],
  [{ shape: [1e9, 1e9, 1e9], data: [1] }, 'inputs[0].data', 'needs 1e+27'],
  [{ type: 'FLOAT', data: [1] }, 'inputs[0].type', "got 'FLOAT'"],
  [{ datatype: 'FP32', data: [1] }, 'inputs[0].datatype', 'unknown key'],
  [{}, 'inputs[0].data', 'is missing'],
])('%j is refused with its place', (fields, path, message) => {
  const error = failure(() => read(fields));
  expect(error.status).toBe(400);
  expect(error.details).toEqual({ path });
  expect(error.message).toContain(message);
});

test('a request in the canonical form, and back', () => {
  const inputs: JsonTensor[] = [{ name: 'x', type: 'INT8', data: [[1, 2]] }];
  const { request, encoding } = readInferRequest({
    model: 'm',
    inputs,
    outputs: ['y'],
    encoding_format: 'base64',
    user: 'u',
  });
  expect(encoding).toBe('base64');
  expect(TensorRequest.parse(request)).toEqual({
    task: 'tensor',
    model: 'm',
    inputs: [{ name: 'x', type: 'INT8', shape: [1, 2], data: Uint8Array.of(1, 2) }],
    outputs: ['y'],
    user: 'u',
  });
  expect(readInferRequest(sent(inferBody(request))).request).toEqual(request);
});

test('the answer has the outputs in the form that was asked for', async () => {
  const tensor = readTensor({ name: 'y', type: 'FP32', data: [1, 0.5] }, 'x');
  const result = await collect(
    eventsFrom([
      { type: 'start', model: 'tiny', provider: 'fake' },
      { type: 'tensor', tensor },
      { type: 'warning', message: 'careful' },
    ]),
  );
  const call = (fields: object) => readInferRequest({ model: 'm', inputs: [], ...fields });
  const answer = InferResponse.parse(inferResponse(result, 'id-1', call({})));
  expect(answer).toEqual({
    id: 'id-1',
    model: 'tiny',
    outputs: [{ name: 'y', type: 'FP32', shape: [2], data: [1, 0.5] }],
    warnings: ['careful'],
  });
  const raw = inferResponse(result, 'id-1', call({ encoding_format: 'base64' }));
  expect(raw.outputs[0]?.data).toBe('AACAPwAAAD8=');
  expect(outputsOf(raw)).toEqual([tensor]);
  expect(failure(() => inferResponse(result, 'id-1', call({ outputs: ['z'] })))).toMatchObject({
    code: 'provider_failed',
  });
});
