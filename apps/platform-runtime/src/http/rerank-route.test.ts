import { describe, expect, test } from 'vitest';
import { serve } from './server.fixture.ts';

const models = { ranker: { tasks: ['rerank' as const] }, tiny: {} };
const documents = ['blue whales', { text: 'a red kite flies' }, 'a kite'];

test.each(['/v1/rerank', '/v2/rerank', '/rerank'])('%s orders documents', async (path) => {
  const { post } = await serve(models);
  const answer = await post(path, { model: 'ranker', query: 'red kite', documents, return_documents: true });
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({
    id: expect.any(String) as string,
    object: 'list',
    model: 'ranker',
    results: [
      { index: 1, relevance_score: 1, document: { text: 'a red kite flies' } },
      { index: 2, relevance_score: 0.5, document: { text: 'a kite' } },
      { index: 0, relevance_score: 0, document: { text: 'blue whales' } },
    ],
    usage: { prompt_tokens: expect.any(Number) as number, total_tokens: expect.any(Number) as number },
    meta: {
      api_version: { version: path === '/v2/rerank' ? '2' : '1' },
      tokens: { input_tokens: expect.any(Number) as number, output_tokens: 0 },
    },
  });
});

describe('refused by name', () => {
  test.each<[object, number, string, string | null]>([
    [{ model: 'tiny' }, 400, 'unsupported', 'model'],
    [{ model: 'absent' }, 404, 'model_not_found', 'model'],
    [{ documents: [] }, 400, 'invalid_request', 'documents'],
    [{ rank_fields: ['a'] }, 400, 'unsupported', 'rank_fields[0]'],
    [{ topn: 1 }, 400, 'unknown_parameter', 'topn'],
  ])('%j', async (fields, status, code, param) => {
    const { post } = await serve(models);
    const answer = await post('/v1/rerank', { model: 'ranker', query: 'red kite', documents, ...fields });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ error: { code, param } });
  });
});
