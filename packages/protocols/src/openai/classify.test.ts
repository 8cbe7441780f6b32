import { ClassifyRequest, collect, type InferenceEvent } from '@golek/api';
import { expect, test } from 'vitest';
import { readClassifyRequest } from './classify-request.ts';
import { ClassifyResponse, classifyResponse } from './classify-response.ts';
import { eventsFrom } from './events.fixture.ts';
import { failure } from './failure.fixture.ts';

type Label = Omit<Extract<InferenceEvent, { type: 'label' }>, 'type'>;

const body = { model: 'm', input: ['good film', 'bad film'] };

const answer = async (labels: readonly Label[], fields: object = {}): Promise<ClassifyResponse> => {
  const events: InferenceEvent[] = [
    { type: 'start', model: 'tiny', provider: 'fake' },
    ...labels.map((label) => ({ type: 'label' as const, ...label })),
    { type: 'usage', usage: { promptTokens: 7, completionTokens: 0 } },
  ];
  const identity = { id: 'id-1', created: 5 };
  const call = readClassifyRequest({ ...body, ...fields });
  return ClassifyResponse.parse(classifyResponse(await collect(eventsFrom(events)), identity, call));
};

test('inputs are texts, pictures and recordings, one or several', () => {
  const { request } = readClassifyRequest({
    ...body,
    input: [
      'a',
      { text: 'b' },
      { image: 'https://example.com/c.png' },
      { audio: 'data:audio/wav;base64,AA==' },
      { file_id: 'file-1' },
    ],
    top_k: 2,
    user: 'u',
  });
  expect(ClassifyRequest.parse(request)).toEqual({
    task: 'classify',
    model: 'm',
    inputs: [
      'a',
      'b',
      { type: 'image', source: { kind: 'url', url: 'https://example.com/c.png' } },
      { type: 'audio', source: { kind: 'base64', mediaType: 'audio/wav', data: 'AA==' } },
      { type: 'image', source: { kind: 'url', url: 'golek-file:file-1' } },
    ],
    top: 2,
    user: 'u',
  });
  expect(readClassifyRequest({ ...body, input: 'a' }).request.inputs).toEqual(['a']);
  expect(readClassifyRequest({ ...body, input: { text: 'a' } }).request.inputs).toEqual(['a']);
});

test('each input has its labels, the best first', async () => {
  const labels = [
    { index: 1, label: 'bad', score: 0.25 },
    { index: 0, label: 'good', score: 0.75 },
    { index: 1, label: 'good', score: 0.5 },
  ];
  expect(await answer(labels)).toEqual({
    id: 'id-1',
    object: 'list',
    created: 5,
    model: 'tiny',
    data: [
      {
        object: 'classification',
        index: 0,
        label: 'good',
        prediction: 'good',
        score: 0.75,
        predictions: [{ label: 'good', score: 0.75 }],
      },
      {
        object: 'classification',
        index: 1,
        label: 'good',
        prediction: 'good',
        score: 0.5,
        predictions: [
          { label: 'good', score: 0.5 },
          { label: 'bad', score: 0.25 },
        ],
      },
    ],
    usage: { prompt_tokens: 7, total_tokens: 7 },
  });
  await expect(answer(labels.slice(1, 2))).rejects.toMatchObject({ code: 'provider_failed' });
});

test('pieces come with their places and texts, also none', async () => {
  const image = { image: 'https://example.com/c.png' };
  const { data } = await answer([{ index: 1, label: 'PER', score: 0.9, start: 3, end: 7 }], {
    input: ['nobody', '🎉 Anna works'],
  });
  expect(data).toEqual([
    { object: 'entities', index: 0, entities: [] },
    { object: 'entities', index: 1, entities: [{ label: 'PER', score: 0.9, start: 3, end: 7, text: 'Anna' }] },
  ]);
  expect((await answer([], { input: 'nobody' })).data).toEqual([{ object: 'entities', index: 0, entities: [] }]);
  const pieces = await answer([{ index: 0, label: 'x', score: 1, start: 3, end: 7 }], { input: image });
  expect(pieces.data[0]).toEqual({
    object: 'entities',
    index: 0,
    entities: [{ label: 'x', score: 1, start: 3, end: 7 }],
  });
});

test.each<[object, string, string]>([
  [{ input: [] }, 'invalid_request', 'input'],
  [{ input: [1] }, 'invalid_request', 'input[0]'],
  [{ input: { image: 'cat.png' } }, 'invalid_request', 'input.image'],
  [{ input: Array.from({ length: 2049 }, () => 'a') }, 'invalid_request', 'input'],
  [{ top_k: 0 }, 'invalid_request', 'top_k'],
  [{ labels: ['a', 'b'] }, 'unsupported', 'labels'],
  [{ classifier_id: 'x' }, 'unsupported', 'classifier_id'],
  [{ use_activation: false }, 'unsupported', 'use_activation'],
  [{ inputs: ['a'] }, 'unknown_parameter', 'inputs'],
])('wrong value %#', (fields, code, path) => {
  expect(failure(() => readClassifyRequest({ ...body, ...fields }))).toMatchObject({ code, details: { path } });
});
