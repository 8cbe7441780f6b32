import { GolekError, type NamedTensor } from '@golek/api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failure } from '../openai/failure.fixture.ts';
import { splitFrame } from './binary-frame.ts';
import { modelInferRequest, modelInferResponse, readModelInfer, readModelInferResponse } from './grpc-infer.ts';
import type { InferMessage } from './infer-message.ts';
import { inferRequestBody, inferResponseBody, readInferBody, readInferResponseBody } from './rest-infer.ts';
import { anyTensor } from './tensors.fixture.ts';
import {
  InferTensorContents,
  ModelInferRequest,
  ModelInferResponse,
  type ModelInferRequest_InferInputTensor as WireTensor,
} from './wire/grpc-service.ts';

const parameters = fc.dictionary(
  fc.string({ minLength: 1 }).filter((name) => name !== '__proto__' && name !== 'binary_data_output'),
  fc.oneof(
    fc.string(),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: 0.001, max: 1 }),
  ),
  { noNullPrototype: true },
);

const messages: fc.Arbitrary<InferMessage> = fc
  .record({
    model: fc.string(),
    version: fc.constantFrom('', '1'),
    id: fc.string(),
    parameters,
    inputs: fc.array(anyTensor, { maxLength: 4 }),
    outputs: fc.array(fc.string({ minLength: 1 }), { maxLength: 3 }),
  })
  .map(({ outputs, ...message }) => ({ ...message, ...(outputs.length > 0 && { outputs }) }));

const jsonOf = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString());

const head = (tensor: NamedTensor): object => ({ ...tensor, data: undefined });

describe('a request keeps everything', () => {
  test('over gRPC', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const bytes = ModelInferRequest.encode(modelInferRequest(message)).finish();
        expect(readModelInfer(ModelInferRequest.decode(bytes))).toEqual(message);
      }),
    );
  });

  test('over REST, as bytes behind the JSON', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const { body, jsonLength } = inferRequestBody(message);
        const frame = splitFrame(body, jsonLength === undefined ? undefined : String(jsonLength));
        const { isBinary, ...read } = readInferBody(jsonOf(frame.json), frame.binary, message.model, message.version);
        expect(read).toEqual(message);
        expect(isBinary('any')).toBe(true);
      }),
    );
  });
});

describe('an answer keeps everything', () => {
  const answers = messages.map(({ model, id, parameters: said, inputs }) => ({
    model,
    id,
    parameters: said,
    outputs: inputs,
  }));

  test('over gRPC', () => {
    fc.assert(
      fc.property(answers, (answer) => {
        const bytes = ModelInferResponse.encode(modelInferResponse(answer)).finish();
        const { parameters: said, outputs } = answer;
        expect(readModelInferResponse(ModelInferResponse.decode(bytes))).toEqual({ parameters: said, outputs });
      }),
    );
  });

  test('over REST as bytes, as values, and half and half', () => {
    fc.assert(
      fc.property(answers, fc.func(fc.boolean()), (answer, isBinary) => {
        const { body, jsonLength } = inferResponseBody(answer, isBinary);
        const { json, binary } = splitFrame(body, jsonLength === undefined ? undefined : String(jsonLength));
        const { outputs } = answer;
        const text = Buffer.from(json).toString();
        // Whole numbers beyond 2^53 are exact as text; JavaScript's own parser rounds them.
        const exact = JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) =>
          typeof value === 'number' && !Number.isSafeInteger(value) ? context?.source : value,
        ) as { outputs: { datatype: string }[] };
        const plain = JSON.parse(text) as typeof exact;
        const wide = {
          ...plain,
          outputs: plain.outputs.map((one, index) => (one.datatype.endsWith('INT64') ? exact.outputs[index] : one)),
        };
        const read = readInferResponseBody(wide, binary).outputs;
        expect(read.map(head)).toEqual(outputs.map(head));
        for (const [index, tensor] of outputs.entries()) {
          // Values have one not-a-number.
          if (isBinary(tensor.name) || !/^(?:FP|BF)/.test(tensor.type)) expect(read[index]).toEqual(tensor);
        }
      }),
    );
  });
});

describe('typed contents', () => {
  const none = InferTensorContents.decode(new Uint8Array(0));
  const request = (tensor: Partial<WireTensor>): ModelInferRequest => ({
    ...modelInferRequest({ model: 'm', version: '', id: '', parameters: {}, inputs: [] }),
    inputs: [{ name: 'x', datatype: 'FP32', shape: [2n], parameters: new Map(), contents: undefined, ...tensor }],
  });
  const bytes = (array: ArrayBufferView): Uint8Array<ArrayBuffer> => new Uint8Array(array.buffer as ArrayBuffer);

  test.each<[string, Partial<InferTensorContents>, NamedTensor['data']]>([
    ['BOOL', { boolContents: [true, false] }, Uint8Array.of(1, 0)],
    ['INT8', { intContents: [-128, 127] }, Uint8Array.of(128, 127)],
    ['INT16', { intContents: [-1, 2] }, bytes(Int16Array.of(-1, 2))],
    ['INT32', { intContents: [-1, 2 ** 31 - 1] }, bytes(Int32Array.of(-1, 2 ** 31 - 1))],
    ['INT64', { int64Contents: [-(2n ** 63n), 5n] }, bytes(BigInt64Array.of(-(2n ** 63n), 5n))],
    ['UINT8', { uintContents: [0, 255] }, Uint8Array.of(0, 255)],
    ['UINT16', { uintContents: [0, 65_535] }, bytes(Uint16Array.of(0, 65_535))],
    ['UINT32', { uintContents: [0, 2 ** 32 - 1] }, bytes(Uint32Array.of(0, 2 ** 32 - 1))],
    ['UINT64', { uint64Contents: [0n, 2n ** 64n - 1n] }, bytes(BigUint64Array.of(0n, 2n ** 64n - 1n))],
    ['FP32', { fp32Contents: [0.5, Infinity] }, bytes(Float32Array.of(0.5, Infinity))],
    ['FP64', { fp64Contents: [0.1, Number.NaN] }, bytes(Float64Array.of(0.1, Number.NaN))],
    ['BYTES', { bytesContents: [Buffer.from('ä'), Buffer.from('')] }, ['ä', '']],
    [
      'BYTES',
      { bytesContents: [Uint8Array.of(0xff), Buffer.from('b')] },
      Uint8Array.of(1, 0, 0, 0, 0xff, 1, 0, 0, 0, 98),
    ],
  ])('%s', (datatype, contents, data) => {
    const wire = ModelInferRequest.encode(request({ datatype, contents: { ...none, ...contents } })).finish();
    expect(readModelInfer(ModelInferRequest.decode(wire)).inputs).toEqual([
      { name: 'x', type: datatype, shape: [2], data },
    ]);
  });

  test.each<[string, Partial<WireTensor>, string]>([
    ['a value beyond its type', { datatype: 'INT8', contents: { ...none, intContents: [1, 128] } }, 'element 1 is 128'],
    ['too few', { contents: { ...none, fp32Contents: [1] } }, 'has 1 elements; its shape [2] needs 2'],
    ['none', {}, 'has 0 elements'],
    ['half floats', { datatype: 'FP16', contents: none }, 'as raw contents only'],
    ['an unknown type', { datatype: 'FLOAT' }, "has the datatype 'FLOAT'; known are BOOL"],
    ['a negative size', { shape: [-1n] }, 'has the shape [-1]'],
  ])('%s is refused by name', (_what, tensor, message) => {
    const error = failure(() => readModelInfer(request(tensor)));
    expect(error.status).toBe(400);
    expect(error.message).toContain("tensor 'x'");
    expect(error.message).toContain(message);
  });

  test('shared memory is refused', () => {
    const parameter = { parameterChoice: { $case: 'stringParam', value: 'region' } } as const;
    const error = failure(() =>
      readModelInfer(request({ parameters: new Map([['shared_memory_region', parameter]]) })),
    );
    expect(error).toMatchObject({ code: 'unsupported', message: expect.stringContaining('shared_memory_region') });
  });
});

describe('what no client should send', () => {
  const onlyGolekErrors = (work: () => unknown): void => {
    try {
      work();
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(GolekError);
      expect((thrown as GolekError).status).toBe(400);
    }
  };

  test('garbage over REST is refused, never a crash', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.uint8Array(),
        fc.oneof(fc.string(), fc.nat().map(String)),
        (json, binary, length) => {
          onlyGolekErrors(() => splitFrame(binary, length));
          onlyGolekErrors(() => readInferBody(json, binary, 'm', ''));
          onlyGolekErrors(() => readInferBody({ inputs: json }, binary, 'm', ''));
          onlyGolekErrors(() => readInferBody({ inputs: [json], parameters: json }, binary, 'm', ''));
        },
      ),
    );
  });

  test('messages of random bytes and sizes are refused, never a crash', () => {
    fc.assert(
      fc.property(
        messages,
        fc.nat(),
        fc.nat({ max: 255 }),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        (message, at, value, size) => {
          const bytes = ModelInferRequest.encode(modelInferRequest(message)).finish();
          if (bytes.length > 0) bytes[at % bytes.length] = value;
          let request: ModelInferRequest;
          try {
            request = ModelInferRequest.decode(bytes);
          } catch (thrown) {
            // What the gRPC library answers with INTERNAL.
            expect(thrown).toBeInstanceOf(Error);
            return;
          }
          onlyGolekErrors(() => readModelInfer(request));
          for (const tensor of request.inputs) tensor.shape = [size, 2n];
          onlyGolekErrors(() => readModelInfer(request));
        },
      ),
    );
  });

  test.each<[object, string, string]>([
    [{ name: 'x', datatype: 'FP32', shape: [1], parameters: { binary_data_size: 4 } }, '', 'ends at byte 4 of the 0'],
    [
      { name: 'x', datatype: 'FP32', shape: [1], parameters: { binary_data_size: 3 } },
      'abc',
      'has 3 bytes; the shape [1] of FP32 needs 4',
    ],
    [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }, 'abcd', '4 bytes stand behind the JSON'],
    [
      { name: 'x', datatype: 'FP32', shape: [1], data: [1], parameters: { binary_data_size: 4 } },
      'abcd',
      'send one of them',
    ],
    [{ name: 'x', datatype: 'FP32', shape: [1] }, '', 'has no data'],
    [
      { name: 'x', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: 3 } },
      'abc',
      'the length of element 0 is cut',
    ],
    [
      { name: 'x', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: 5 } },
      '\u0009\0\0\0a',
      'element 0 ends at byte 13 of 5',
    ],
    [{ name: 'x', datatype: 'INT64', shape: [1], data: [2 ** 60] }, '', 'beyond ±2^53'],
    [
      { name: 'x', datatype: 'INT8', shape: [1], parameters: { shared_memory_region: 'r' } },
      '',
      'shared_memory_region',
    ],
  ])('%j with %j behind it', (tensor, binary, message) => {
    const error = failure(() => readInferBody({ inputs: [tensor] }, Buffer.from(binary), 'm', ''));
    expect(error.status).toBe(400);
    expect(error.message).toContain(message);
  });

  test('tensors do not keep the memory of the message', () => {
    const message = {
      model: 'm',
      version: '',
      id: '',
      parameters: {},
      inputs: [{ name: 'x', type: 'UINT8', shape: [1], data: Uint8Array.of(7) }],
    } as const;
    const bytes = new Uint8Array(
      ModelInferRequest.encode(
        modelInferRequest({ ...message, inputs: message.inputs.map((one) => ({ ...one, shape: [1] })) }),
      ).finish(),
    );
    const [tensor] = readModelInfer(ModelInferRequest.decode(bytes)).inputs;
    bytes.fill(0);
    expect(tensor?.data).toEqual(Uint8Array.of(7));
    expect((tensor?.data as Uint8Array).buffer.byteLength).toBe(1);
  });
});

test('BYTES that are no text stay bytes, and JSON refuses them', () => {
  const raw: NamedTensor = { name: 'image', type: 'BYTES', shape: [1], data: Uint8Array.of(2, 0, 0, 0, 0xff, 0xd8) };
  const answer = { model: 'm', id: '', parameters: {}, outputs: [raw] };
  expect(readModelInferResponse(modelInferResponse(answer)).outputs).toEqual([raw]);
  const { body, jsonLength } = inferResponseBody(answer, () => true);
  const frame = splitFrame(body, String(jsonLength));
  expect(readInferResponseBody(jsonOf(frame.json), frame.binary).outputs).toEqual([raw]);
  expect(failure(() => inferResponseBody(answer, () => false))).toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining("'image'"),
  });
});
