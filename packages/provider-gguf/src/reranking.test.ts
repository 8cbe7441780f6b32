import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ModelSession, Provider, RerankRequest } from '@golek/providers-spi';
import { createGgufProvider } from './index.ts';
import { filled } from './reranking.ts';
import { ENCODER_CONTEXT, writeEncoder, type EncoderOptions } from './tiny-encoder.fixture.ts';
import { answer, failure, run } from './tiny-model.fixture.ts';

const never = new AbortController().signal;
let folder: string;
let provider: Provider;
let session: ModelSession;
let files = 0;

const open = async (options: EncoderOptions, model: object = {}): Promise<ModelSession> => {
  const location = await writeEncoder(path.join(folder, `${++files}.gguf`), options);
  return provider.open({ name: 'tiny-ranker', location, options: { ...model } }, { signal: never });
};

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'golek-rank-'));
  provider = createGgufProvider({ threads: 1, gpu: false });
  session = await open({ pooling: 4, classifier: true });
});
afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const documents = ['a red kite', 'the cat sleeps', 'kite', 'a dog in the sky', ''];
const rank = (query: string, rest: Partial<RerankRequest> = {}): RerankRequest => ({
  task: 'rerank',
  model: 'tiny-ranker',
  query,
  documents,
  ...rest,
});

test('a file with a classifier scores and does nothing else', () => {
  expect(session.manifest.tasks).toEqual(['rerank', 'tokenize', 'detokenize']);
  expect(session.capabilities).toMatchObject({ contextLength: ENCODER_CONTEXT });
});

test('scores between 0 and 1, the best first, each document once', async () => {
  const { scores, usage } = await answer(session, rank('what flies'));
  expect(scores.map(({ index }) => index).sort()).toEqual([0, 1, 2, 3, 4]);
  const values = scores.map(({ score }) => score);
  expect(values).toEqual([...values].sort((one, other) => other - one));
  expect(new Set(values).size).toBe(5);
  for (const value of values) expect(value > 0 && value < 1).toBe(true);
  // [CLS] what flies [SEP] … [SEP] around 3, 3, 1, 5 and 0 words.
  expect(usage).toMatchObject({ promptTokens: 5 * 5 + 12, completionTokens: 0 });
});

test('a score depends on the query and the document, and on nothing that runs beside it', async () => {
  const [alone] = (await answer(session, rank('what flies', { documents: ['kite'] }))).scores;
  const other = (await answer(session, rank('what sleeps', { documents: ['kite'] }))).scores[0];
  expect(other?.score).not.toBe(alone?.score);
  const together = await Promise.all(Array.from({ length: 4 }, () => answer(session, rank('what flies'))));
  for (const { scores } of together) expect(scores.find(({ index }) => index === 2)?.score).toBe(alone?.score);
});

test('only the best are given, and equal documents keep their order', async () => {
  const all = (await answer(session, rank('what flies'))).scores;
  const best = await answer(session, rank('what flies', { top: 2 }));
  expect(best.scores).toEqual(all.slice(0, 2));
  expect(best.usage?.promptTokens).toBe(37);
  expect((await answer(session, rank('what flies', { top: 100 }))).scores).toEqual(all);
  const equal = await answer(session, rank('what flies', { documents: ['kite', 'kite', 'kite'] }));
  expect(equal.scores.map(({ index }) => index)).toEqual([0, 1, 2]);
});

test("the file's own prompt is used", async () => {
  const templated = await open({
    pooling: 4,
    classifier: true,
    metadata: { 'tokenizer.chat_template.rerank': '[CLS] {query} [SEP] {document} [SEP]' },
  });
  const plain = await answer(session, rank('what flies'));
  expect((await answer(templated, rank('what flies'))).scores).toEqual(plain.scores);
  await templated[Symbol.asyncDispose]();
});

test('a prompt is filled in one pass', () => {
  const parts = { query: 'is {document} $& here?', document: '{query}' };
  expect(filled('Q: {query} D: {document}', parts)).toBe('Q: is {document} $& here? D: {query}');
});

test('a document that is too long is refused by its index, before anything is evaluated', async () => {
  const long = rank('what flies', { documents: ['kite', 'cat '.repeat(70)] });
  const error = await failure(answer(session, long), 'context_length_exceeded');
  expect(error.details).toEqual({ document: 1, promptTokens: 75, contextLength: ENCODER_CONTEXT });
  const wide = await open({ pooling: 4, classifier: true }, { contextSize: 512 });
  expect(wide.capabilities.contextLength).toBe(ENCODER_CONTEXT);
  await failure(answer(wide, long), 'context_length_exceeded');
  await wide[Symbol.asyncDispose]();
});

test('an abort ends a run that waits or works, and no other', async () => {
  const client = new AbortController();
  const many = Array.from({ length: 500 }, (_, i) => `kite ${i}`);
  const work = run(session, rank('what flies', { documents: many }), client.signal)
    [Symbol.asyncIterator]()
    .next();
  const other = answer(session, rank('what flies'));
  client.abort();
  await failure(work, 'cancelled');
  expect((await other).scores).toHaveLength(5);
});

test('what a model cannot do is refused by name', async () => {
  await failure(answer(session, { task: 'embed', model: 'm', inputs: ['x'] }), 'unsupported');
  const encoder = await open({ pooling: 1 });
  expect((await failure(answer(encoder, rank('x')), 'unsupported')).details).toMatchObject({ task: 'rerank' });
  await encoder[Symbol.asyncDispose]();
  const without = await failure(open({ pooling: 1 }, { pooling: 'rank' }), 'unsupported');
  expect(without.message).toContain('no classifier');
});

test('a model with a classifier can be asked to score, or not to', async () => {
  const asked = await open({ pooling: 1, classifier: true }, { pooling: 'rank' });
  expect((await answer(asked, rank('what flies'))).scores).toEqual((await answer(session, rank('what flies'))).scores);
  const vectors = await open({ pooling: 4, classifier: true }, { pooling: 'mean' });
  const { embeddings } = await answer(vectors, { task: 'embed', model: 'm', inputs: ['kite'] });
  expect(embeddings[0]).toHaveLength(32);
  await Promise.all([asked[Symbol.asyncDispose](), vectors[Symbol.asyncDispose]()]);
});
