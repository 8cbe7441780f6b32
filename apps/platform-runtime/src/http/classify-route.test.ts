import { describe, expect, test } from 'vitest';
import { serve } from './server.fixture.ts';

const models = { labeller: { tasks: ['classify' as const] }, tiny: {} };

test.each(['/v1/classify', '/classify'])('%s labels inputs', async (path) => {
  const { post } = await serve(models);
  const answer = await post(path, { model: 'labeller', input: ['four', 'twelve chars'], top_k: 1 });
  expect(answer.status).toBe(200);
  const classified = (index: number, label: string) => ({
    object: 'classification',
    index,
    label,
    prediction: label,
    score: 0.75,
    predictions: [{ label, score: 0.75 }],
  });
  expect(await answer.json()).toEqual({
    id: expect.any(String) as string,
    object: 'list',
    created: expect.any(Number) as number,
    model: 'labeller',
    data: [classified(0, 'short'), classified(1, 'long')],
    usage: { prompt_tokens: 16, total_tokens: 16 },
  });
});

describe('refused by name', () => {
  test.each<[object, number, string, string | null]>([
    [{ model: 'tiny' }, 400, 'unsupported', 'model'],
    [{ model: 'absent' }, 404, 'model_not_found', 'model'],
    [{ input: [] }, 400, 'invalid_request', 'input'],
    [{ labels: ['a'] }, 400, 'unsupported', 'labels'],
    [{ topk: 1 }, 400, 'unknown_parameter', 'topk'],
  ])('%j', async (fields, status, code, param) => {
    const { post } = await serve(models);
    const answer = await post('/v1/classify', { model: 'labeller', input: 'a', ...fields });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ error: { code, param } });
  });

  test('what the model does not take', async () => {
    const { post } = await serve({ labeller: { ...models.labeller, options: [] } });
    const answer = await post('/v1/classify', { model: 'labeller', input: { image: 'https://example.com/a.png' } });
    expect(answer.status).toBe(400);
    const message = expect.stringContaining("does not support 'image'") as string;
    expect(await answer.json()).toMatchObject({ error: { code: 'unsupported', param: 'image', message } });
  });
});
