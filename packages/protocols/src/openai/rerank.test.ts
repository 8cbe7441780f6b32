import { collect, RerankRequest, type InferenceEvent } from '@golek/api';
import { expect, test } from 'vitest';
import { eventsFrom } from './events.fixture.ts';
import { failure } from './failure.fixture.ts';
import { readRerankRequest } from './rerank-request.ts';
import { RerankResponse, rerankResponse } from './rerank-response.ts';

const body = { model: 'm', query: 'q', documents: ['a', 'b', { text: 'c' }] };

const answer = async (scores: readonly (readonly [number, number])[], fields: object = {}): Promise<RerankResponse> => {
  const events: InferenceEvent[] = [
    { type: 'start', model: 'tiny', provider: 'fake' },
    ...scores.map(([index, score]) => ({ type: 'score' as const, index, score })),
    { type: 'usage', usage: { promptTokens: 7, completionTokens: 0 } },
  ];
  const call = readRerankRequest({ ...body, ...fields });
  return RerankResponse.parse(rerankResponse(await collect(eventsFrom(events)), 'id-1', call, '2'));
};
const all = [
  [0, 0.1],
  [1, 0.9],
  [2, 0.5],
] as const;

test('strings and objects with a text are documents', () => {
  const { request } = readRerankRequest({ ...body, top_n: 2, user: 'u' });
  expect(readRerankRequest({ ...body, query: { text: 'q' }, top_n: 2, user: 'u' }).request).toEqual(request);
  expect(RerankRequest.parse(request)).toEqual({
    task: 'rerank',
    model: 'm',
    query: 'q',
    documents: ['a', 'b', 'c'],
    top: 2,
    user: 'u',
  });
});

test('results come best first, as many as are wanted, with the documents when asked', async () => {
  expect(await answer(all)).toEqual({
    id: 'id-1',
    object: 'list',
    model: 'tiny',
    results: [
      { index: 1, relevance_score: 0.9 },
      { index: 2, relevance_score: 0.5 },
      { index: 0, relevance_score: 0.1 },
    ],
    usage: { prompt_tokens: 7, total_tokens: 7 },
    meta: { api_version: { version: '2' }, tokens: { input_tokens: 7, output_tokens: 0 } },
  });
  expect((await answer(all, { top_n: 1, return_documents: true })).results).toEqual([
    { index: 1, relevance_score: 0.9, document: { text: 'b' } },
  ]);
  expect((await answer(all.slice(1), { top_n: 2 })).results).toHaveLength(2);
});

test('a document comes back with all that it had', async () => {
  const documents = ['a', { text: 'b', title: 'B', id: 5 }, 'c'];
  const { results } = await answer(all, { documents, top_n: 1, return_documents: true, rank_fields: ['text'] });
  expect(results).toEqual([{ index: 1, relevance_score: 0.9, document: { text: 'b', title: 'B', id: 5 } }]);
});

test('missing scores are a failure', async () => {
  await expect(answer(all.slice(1))).rejects.toMatchObject({ code: 'provider_failed' });
  await expect(answer([...all.slice(1), [1, 0.9]])).rejects.toMatchObject({ code: 'provider_failed' });
  await expect(answer([...all, [3, 1]], { top_n: 1 })).rejects.toMatchObject({ code: 'provider_failed' });
});

test.each<[object, string, string]>([
  [{ query: '' }, 'invalid_request', 'query'],
  [{ query: undefined }, 'invalid_request', 'query'],
  [{ documents: [] }, 'invalid_request', 'documents'],
  [{ documents: 'a' }, 'invalid_request', 'documents'],
  [{ documents: ['a', 1] }, 'invalid_request', 'documents[1]'],
  [{ documents: Array.from({ length: 2049 }, () => 'a') }, 'invalid_request', 'documents'],
  [{ top_n: 0 }, 'invalid_request', 'top_n'],
  [{ query: { text: '' } }, 'invalid_request', 'query.text'],
  [{ query: { image: 'x' } }, 'invalid_request', 'query.text'],
  [{ documents: ['a', { image: 'x' }] }, 'invalid_request', 'documents[1].text'],
  [{ max_chunks_per_doc: 10 }, 'unsupported', 'max_chunks_per_doc'],
  [{ max_doc_length: 512 }, 'unsupported', 'max_doc_length'],
  [{ max_query_length: 512 }, 'unsupported', 'max_query_length'],
  [{ truncation: true }, 'unsupported', 'truncation'],
  [{ max_tokens_per_doc: 512 }, 'unsupported', 'max_tokens_per_doc'],
  [{ rank_fields: ['title'] }, 'unsupported', 'rank_fields[0]'],
  [{ top_k: 3 }, 'unknown_parameter', 'top_k'],
])('wrong value %#', (fields, code, path) => {
  expect(failure(() => readRerankRequest({ ...body, ...fields }))).toMatchObject({ code, details: { path } });
});
