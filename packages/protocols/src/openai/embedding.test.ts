import { collect, EmbedRequest, type InferenceEvent } from '@golek/api';
import type OpenAI from 'openai';
import { describe, expect, expectTypeOf, test } from 'vitest';
import type { EmbeddingRequest } from './embedding-request.ts';
import { readEmbeddingRequest } from './embedding-request.ts';
import { EmbeddingResponse, embeddingResponse } from './embedding-response.ts';
import { eventsFrom } from './events.fixture.ts';
import { failure } from './failure.fixture.ts';

const vectors = [new Float32Array([0.1, -2, 3.5]), new Float32Array([1, 2, 3, 4]).subarray(1)];
const answer = (encoding_format?: 'float' | 'base64', count = 2): Promise<EmbeddingResponse> => {
  const events: InferenceEvent[] = [
    { type: 'start', model: 'tiny', provider: 'fake' },
    ...vectors.slice(0, count).map((vector, index) => ({ type: 'embedding' as const, index, vector })),
    { type: 'usage', usage: { promptTokens: 7, completionTokens: 0 } },
  ];
  const call = readEmbeddingRequest({ model: 'm', input: ['a', 'b'], encoding_format });
  return collect(eventsFrom(events)).then((result) => EmbeddingResponse.parse(embeddingResponse(result, call)));
};

test('every parameter of the official client is known, and nothing else', () => {
  expectTypeOf<keyof typeof EmbeddingRequest.shape>().toEqualTypeOf<keyof OpenAI.EmbeddingCreateParams>();
});

test.each<[unknown, unknown[]]>([
  ['a', ['a']],
  [
    ['a', 'b'],
    ['a', 'b'],
  ],
  [[1, 2], [[1, 2]]],
  [
    [[1], [2, 3]],
    [[1], [2, 3]],
  ],
])('input %j', (input, inputs) => {
  const { request } = readEmbeddingRequest({ model: 'm', input, dimensions: 8, user: 'u' });
  expect(EmbedRequest.parse(request)).toEqual({ task: 'embed', model: 'm', inputs, dimensions: 8, user: 'u' });
});

describe('answer', () => {
  test('floats are the default', async () => {
    expect(await answer()).toEqual({
      object: 'list',
      model: 'tiny',
      data: [
        { object: 'embedding', index: 0, embedding: [Math.fround(0.1), -2, 3.5] },
        { object: 'embedding', index: 1, embedding: [2, 3, 4] },
      ],
      usage: { prompt_tokens: 7, total_tokens: 7 },
    });
  });
  test('base64 holds little-endian 32-bit floats', async () => {
    const { data } = await answer('base64');
    const bytes = Buffer.from(data[1]?.embedding as string, 'base64');
    expect(data[1]?.embedding).toBe('AAAAQAAAQEAAAIBA');
    expect([0, 4, 8].map((at) => bytes.readFloatLE(at))).toEqual([2, 3, 4]);
  });
  test('token counts that nobody told are absent', async () => {
    const events: InferenceEvent[] = [
      { type: 'start', model: 'tiny', provider: 'fake' },
      { type: 'embedding', index: 0, vector: Float32Array.of(1) },
    ];
    const call = readEmbeddingRequest({ model: 'm', input: 'a' });
    const body = EmbeddingResponse.parse(embeddingResponse(await collect(eventsFrom(events)), call));
    expect(body).toEqual({ object: 'list', model: 'tiny', data: [{ object: 'embedding', index: 0, embedding: [1] }] });
  });
  test('a missing vector is a failure', async () => {
    await expect(answer('float', 1)).rejects.toMatchObject({
      code: 'provider_failed',
      message: 'the provider gave no vector for input 1 of 2',
    });
  });
});

test.each<[object, string, string]>([
  [{ input: '' }, 'invalid_request', 'input'],
  [{ input: [] }, 'invalid_request', 'input'],
  [{ input: ['a', ''] }, 'invalid_request', 'input[1]'],
  [{ input: [[]] }, 'invalid_request', 'input[0]'],
  [{ input: { text: 'a' } }, 'invalid_request', 'input'],
  [{ input: Array.from({ length: 2049 }, () => 'a') }, 'invalid_request', 'input'],
  [{ input: 'a', dimensions: 0 }, 'invalid_request', 'dimensions'],
  [{ input: 'a', encoding_format: 'int8' }, 'invalid_request', 'encoding_format'],
  [{ input: 'a', inptu: 'b' }, 'unknown_parameter', 'inptu'],
])('wrong value %#', (fields, code, path) => {
  expect(failure(() => readEmbeddingRequest({ model: 'm', ...fields }))).toMatchObject({ code, details: { path } });
});
