import {
  collect,
  EmbedRequest,
  GenerateRequest,
  TensorRequest,
  type InferenceEvent,
  type ModelManifest,
  type NamedTensor,
} from '@golek/api';
import { describe, expect, test } from 'vitest';
import { eventsFrom } from '../openai/events.fixture.ts';
import { failure } from '../openai/failure.fixture.ts';
import { generateAnswer, readGenerateBody } from './generate-body.ts';
import { answerTensors, readCall, type InferCall } from './infer-call.ts';
import type { InferMessage } from './infer-message.ts';
import { modelConfig, modelConfigMessage, modelMetadata, modelMetadataResponse } from './model-description.ts';
import { TextPieces, type TextCall } from './text-call.ts';
import { flag, textTensor } from './tensors.fixture.ts';
import { DataType } from './wire/grpc-service.ts';

const message = (inputs: readonly NamedTensor[], fields: Partial<InferMessage> = {}): InferMessage => ({
  model: 'm',
  version: '',
  id: '',
  parameters: {},
  inputs,
  ...fields,
});

const TEXT = { tasks: ['generate'] } as const satisfies Pick<ModelManifest, 'tasks'>;
const read = (inputs: readonly NamedTensor[], fields: Partial<InferMessage> = {}): InferCall =>
  readCall(message(inputs, fields), { tasks: [...TEXT.tasks] });
const text = (inputs: readonly NamedTensor[], fields: Partial<InferMessage> = {}): TextCall =>
  read(inputs, fields) as TextCall;

const ANSWER: InferenceEvent[] = [
  { type: 'start', model: 'm', provider: 'fake' },
  { type: 'text', choice: 0, text: 'b' },
  { type: 'text', choice: 0, text: 'c' },
  { type: 'finish', choice: 0, reason: 'length' },
  { type: 'usage', usage: { promptTokens: 3, completionTokens: 2 } },
];

describe('text', () => {
  test('a prompt with sampling parameters, as texts or numbers, in the tensor before those of the request', () => {
    const sampling = textTensor(
      'sampling_parameters',
      '{"temperature": "0.5", "max_tokens": 7, "top_k": -1, "stop": "7", "seed": -1}',
    );
    const { request } = read([textTensor('text_input', 'a'), sampling], {
      parameters: { temperature: 0.9, ignore_eos: 'true' },
    });
    expect(GenerateRequest.parse(request)).toEqual({
      task: 'generate',
      model: 'm',
      input: { type: 'text', prompt: 'a' },
      sampling: { temperature: 0.5, topK: 0, seed: 0xffffffff },
      maxTokens: 7,
      stop: ['7'],
      ignoreEos: true,
    });
  });

  test('an answer in one piece begins with the prompt unless it is told not to', async () => {
    const result = await collect(eventsFrom(ANSWER));
    expect(answerTensors(text([textTensor('text_input', 'a')]), result)).toEqual([textTensor('text_output', 'abc')]);
    const bare = [
      textTensor('text_input', 'a'),
      flag('exclude_input_in_output', true),
      flag('return_finish_reason', true),
    ];
    expect(answerTensors(text([...bare, flag('return_num_output_tokens', true)]), result)).toEqual([
      textTensor('text_output', 'bc'),
      textTensor('finish_reason', 'length'),
      { name: 'num_output_tokens', type: 'UINT32', shape: [1], data: Uint8Array.of(2, 0, 0, 0) },
    ]);
    expect(answerTensors(text([textTensor('text_input', 'a')], { outputs: ['finish_reason'] }), result)).toEqual([
      textTensor('finish_reason', 'length'),
    ]);
  });

  test('pieces of a stream, the last with what is known at the end', () => {
    const call = text([
      textTensor('text_input', 'a'),
      flag('stream', true),
      flag('return_finish_reason', true),
      flag('return_num_input_tokens', true),
    ]);
    expect(call).toMatchObject({ stream: true, prefix: '' });
    const pieces = new TextPieces(call);
    expect(ANSWER.flatMap((event) => pieces.read(event) ?? [])).toEqual([
      textTensor('text_output', 'b'),
      textTensor('finish_reason', ''),
      textTensor('text_output', 'c'),
      textTensor('finish_reason', ''),
    ]);
    expect(pieces.end()).toEqual([
      textTensor('text_output', ''),
      textTensor('finish_reason', 'length'),
      { name: 'num_input_tokens', type: 'UINT32', shape: [1], data: Uint8Array.of(3, 0, 0, 0) },
    ]);
    expect(failure(() => new TextPieces(call).end())).toMatchObject({ code: 'provider_failed' });
  });

  test.each<[string, NamedTensor[], Partial<InferMessage>, string]>([
    [
      'an unknown input',
      [textTensor('text_input', 'a'), textTensor('sampling_params', '{}')],
      {},
      "did you mean 'sampling_parameters'?",
    ],
    ['two prompts', [textTensor('text_input', 'a', 'b')], {}, 'has 2 texts'],
    ['a prompt twice', [textTensor('text_input', 'a'), textTensor('text_input', 'b')], {}, 'is given twice'],
    [
      'a prompt of bytes',
      [{ name: 'text_input', type: 'BYTES', shape: [1], data: Uint8Array.of(1, 0, 0, 0, 0xff) }],
      {},
      'is not UTF-8',
    ],
    ['no JSON', [textTensor('text_input', 'a'), textTensor('sampling_parameters', 'x')], {}, 'is no JSON'],
    ['a list', [textTensor('text_input', 'a'), textTensor('sampling_parameters', '[]')], {}, 'has to be a JSON object'],
    ['an unknown parameter', [textTensor('text_input', 'a')], { parameters: { temprature: 1 } }, 'temperature'],
    ['beams', [textTensor('text_input', 'a')], { parameters: { use_beam_search: true } }, 'tokens are sampled'],
    ['an unknown output', [textTensor('text_input', 'a')], { outputs: ['text'] }, "there is no output 'text'"],
    [
      'a stream with its input',
      [textTensor('text_input', 'a'), flag('stream', true), flag('exclude_input_in_output', false)],
      {},
      'cannot begin with its input',
    ],
    ['a flag that is a text', [textTensor('text_input', 'a'), textTensor('stream', 'true')], {}, 'expected one BOOL'],
  ])('%s is refused', (_what, inputs, fields, hint) => {
    const error = failure(() => read(inputs, fields));
    expect(error.status).toBe(400);
    expect(error.message).toContain(hint);
  });
});

describe('other models', () => {
  test('texts to vectors', async () => {
    const call = readCall(message([textTensor('text_input', 'a', 'b')]), { tasks: ['embed', 'tensor'] });
    expect(EmbedRequest.parse(call.request)).toEqual({ task: 'embed', model: 'm', inputs: ['a', 'b'] });
    const vectors = [Float32Array.of(1, 2), Float32Array.of(3, 4)].map((vector, index): InferenceEvent => ({
      type: 'embedding',
      index,
      vector,
    }));
    const result = await collect(eventsFrom([{ type: 'start', model: 'm', provider: 'fake' }, ...vectors]));
    const data = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
    expect(answerTensors(call, result)).toEqual([{ name: 'embedding', type: 'FP32', shape: [2, 2], data }]);
  });

  test('tensors go to the model with what stands beside them, also where a port is called text_input', () => {
    const port = { name: 'text_input', type: 'BYTES' } as const;
    const sent = message([textTensor('text_input', 'a')], {
      outputs: ['y'],
      parameters: { sequence_id: 5, triton_enable_empty_final_response: true },
    });
    const { request } = readCall(sent, { tasks: ['tensor'], inputs: [port] });
    expect(TensorRequest.parse(request)).toEqual({
      task: 'tensor',
      model: 'm',
      inputs: [textTensor('text_input', 'a')],
      outputs: ['y'],
      parameters: { sequence_id: 5 },
    });
    expect(read([textTensor('x', 'a')]).kind).toBe('tensor');
  });

  test('text for a model whose server takes it as tensors is text, unless more than text is asked', () => {
    const facts = {
      tasks: ['generate' as const, 'tensor' as const],
      inputs: [{ name: 'text_input', type: 'BYTES' as const }],
    };
    const kind = (inputs: readonly NamedTensor[], fields: Partial<InferMessage> = {}): string =>
      readCall(message(inputs, fields), facts).kind;
    const [prompt, stream] = [textTensor('text_input', 'a'), flag('stream', true)];
    expect(kind([prompt, stream], { outputs: ['text_output'] })).toBe('text');
    expect(kind([prompt], { parameters: { temperature: 0, max_tokens: 5 } })).toBe('text');
    expect(kind([prompt], { parameters: { sequence_id: 5 } })).toBe('tensor');
    expect(kind([prompt, textTensor('bad_words', 'b')])).toBe('tensor');
    expect(kind([prompt], { outputs: ['cum_log_probs'] })).toBe('tensor');
  });

  test('the output tells which of text and vectors is wanted of a model that has both', () => {
    const kind = (outputs: readonly string[]): string =>
      readCall(message([textTensor('text_input', 'a')], { outputs }), { tasks: ['generate', 'embed'] }).kind;
    expect([kind(['text_output']), kind(['embedding'])]).toEqual(['text', 'embed']);
  });
});

test('no inputs at all are named, but for models of tensors, whose server knows what it needs', () => {
  expect(failure(() => read([]))).toMatchObject({
    code: 'invalid_request',
    message: "'inputs' is an empty list; send the text of the prompt as 'text_input'",
  });
  expect(readCall(message([]), { tasks: ['tensor'] }).kind).toBe('tensor');
});

describe('the generate extension', () => {
  test('names of inputs are inputs, anything else is for the sampling', () => {
    const body = { text_input: 'a', max_tokens: 5, parameters: { temperature: 0 }, return_finish_reason: [true] };
    const call = readCall(readGenerateBody(body, 'm', '', false), { tasks: ['generate'] }) as TextCall;
    expect(call.request).toMatchObject({ maxTokens: 5, sampling: { temperature: 0 }, input: { prompt: 'a' } });
    expect(call.stream).toBe(false);
    expect([...call.outputs]).toEqual(['text_output', 'finish_reason']);
    expect((readCall(readGenerateBody({ text_input: 'a' }, 'm', '', true), undefined) as TextCall).stream).toBe(true);
    expect(
      (readCall(readGenerateBody({ text_input: 'a', stream: false }, 'm', '', true), undefined) as TextCall).stream,
    ).toBe(false);
    const given = { text_input: ['a'], sampling_parameters: { top_p: 0.5 } };
    expect((readCall(readGenerateBody(given, 'm', '', false), undefined) as TextCall).request.sampling).toEqual({
      topP: 0.5,
    });
  });

  test.each(['', []])('empty lists of words, as clients of TensorRT-LLM send them, say nothing: %j', (empty) => {
    const body = { text_input: 'a', max_tokens: 5, bad_words: empty, stop_words: empty };
    expect(readCall(readGenerateBody(body, 'm', '', false), { tasks: ['generate'] })).toMatchObject({
      kind: 'text',
      request: { maxTokens: 5 },
    });
    const filled = readGenerateBody({ ...body, bad_words: 'x' }, 'm', '', false);
    expect(failure(() => readCall(filled, { tasks: ['generate'] })).message).toContain("'bad_words'");
    // A server behind that has such tensors gets them.
    expect(readGenerateBody(body, 'm', '', false).parameters).toMatchObject({ bad_words: '', stop_words: '' });
  });

  test('an answer has its outputs as fields', async () => {
    const call = text([textTensor('text_input', 'a'), flag('return_num_input_tokens', true)]);
    const tensors = answerTensors(call, await collect(eventsFrom(ANSWER)));
    expect(generateAnswer('m', 'id', tensors)).toEqual({
      id: 'id',
      model_name: 'm',
      model_version: '1',
      text_output: 'abc',
      num_input_tokens: 3,
    });
  });

  test.each([
    [{}, "'text_input' is missing: expected one value, or a list with one"],
    [{ text_input: 5 }, 'text_input'],
    [{ text_input: 'a', bad_words: ['x'] }, 'bad_words'],
  ])('%j is refused', (body, name) => {
    expect(failure(() => readGenerateBody(body, 'm', '', false)).message).toContain(name);
  });
});

test('what a model takes and gives', () => {
  const manifest: ModelManifest = {
    name: 'graph',
    provider: 'onnx',
    source: '/secret/path',
    tasks: ['tensor'],
    format: 'onnx',
    inputs: [
      { name: 'x', type: 'FP32', shape: [-1, 2] },
      { name: 't', type: 'BYTES' },
    ],
    outputs: [{ name: 'y', type: 'INT64', shape: [] }],
    created: 0,
  };
  expect(modelMetadata(manifest)).toEqual({
    name: 'graph',
    versions: ['1'],
    platform: 'golek_onnx',
    inputs: [
      { name: 'x', datatype: 'FP32', shape: [-1, 2] },
      { name: 't', datatype: 'BYTES', shape: [-1] },
    ],
    outputs: [{ name: 'y', datatype: 'INT64', shape: [] }],
  });
  expect(modelMetadataResponse(manifest).inputs[0]).toEqual({ name: 'x', datatype: 'FP32', shape: [-1n, 2n] });
  expect(modelConfig(manifest)).toMatchObject({
    backend: 'onnx',
    max_batch_size: 0,
    model_transaction_policy: { decoupled: false },
  });
  expect(modelConfigMessage(manifest).input[1]).toEqual({
    name: 't',
    dataType: DataType.TYPE_STRING,
    dims: [-1n],
    optional: false,
  });
  const chat = modelConfig({ ...manifest, tasks: ['generate', 'tensor'] });
  expect(chat.input.find(({ name }) => name === 'stream')).toEqual({
    name: 'stream',
    data_type: 'TYPE_BOOL',
    dims: [1],
    optional: true,
  });
  expect(chat.model_transaction_policy.decoupled).toBe(true);
});
