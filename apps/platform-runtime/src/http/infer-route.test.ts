import { describe, expect, test } from 'vitest';
import { serve } from './server.fixture.ts';

const models = { graph: { tasks: ['tensor' as const] }, tiny: {} };
const inputs = [
  { name: 'a', type: 'INT64', data: [[1, '9007199254740993']] },
  { name: 'b', type: 'FP32', shape: [2], data: 'AACAPwAAwH8=' },
];

test('gives outputs as values or as bytes', async () => {
  const { post } = await serve(models);
  const answer = await post('/v1/infer', { model: 'graph', inputs });
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({
    id: expect.any(String) as string,
    model: 'graph',
    outputs: [
      { name: 'out_a', type: 'INT64', shape: [1, 2], data: [1, '9007199254740993'] },
      { name: 'out_b', type: 'FP32', shape: [2], data: [1, 'NaN'] },
    ],
  });
  const raw = await post('/v1/infer', { model: 'graph', inputs, outputs: ['out_b'], encoding_format: 'base64' });
  expect(await raw.json()).toMatchObject({
    outputs: [{ name: 'out_b', type: 'FP32', shape: [2], data: 'AACAPwAAwH8=' }],
  });
});

describe('refused by name', () => {
  test.each<[object, number, string, string | null]>([
    [{ model: 'tiny' }, 400, 'unsupported', 'model'],
    [{ model: 'absent' }, 404, 'model_not_found', 'model'],
    [{ outputs: ['y'] }, 400, 'invalid_request', 'outputs'],
    [{ inputs: [{ name: 'a', type: 'INT8', data: [300] }] }, 400, 'invalid_request', 'inputs[0].data'],
    [{ inputs: [{ name: 'a', type: 'INT8', shape: [3], data: [1] }] }, 400, 'invalid_request', 'inputs[0].data'],
    [{ inputs: [{ name: 'a', type: 'INT8', dtype: 'i1', data: [1] }] }, 400, 'unknown_parameter', 'inputs[0].dtype'],
    [{ encoding_format: 'float' }, 400, 'invalid_request', 'encoding_format'],
  ])('%j', async (fields, status, code, param) => {
    const { post } = await serve(models);
    const answer = await post('/v1/infer', { model: 'graph', inputs, ...fields });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ error: { code, param } });
  });
});
