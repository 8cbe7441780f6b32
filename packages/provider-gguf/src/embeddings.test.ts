import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EmbedRequest, ModelSession, Provider } from '@golek/providers-spi';
import { normalized } from './embeddings.ts';
import { answer, chat, failure, openTiny, run } from './tiny-model.fixture.ts';

let provider: Provider;
let session: ModelSession;

beforeAll(async () => {
  ({ provider, session } = await openTiny());
});
afterAll(() => provider[Symbol.asyncDispose]());

const embed = (inputs: (string | number[])[], dimensions?: number): EmbedRequest => ({
  task: 'embed',
  model: 'golek-tiny',
  inputs,
  ...(dimensions !== undefined && { dimensions }),
});
const norm = (vector: Float32Array | undefined): number => Math.hypot(...(vector ?? []));

test("vectors have length 1, the model's size, and are the same again", async () => {
  const { embeddings, usage } = await answer(session, embed(['a red kite', 'Golek', 'a red kite']));
  expect(embeddings.map((vector) => vector.length)).toEqual([256, 256, 256]);
  for (const vector of embeddings) expect(norm(vector)).toBeCloseTo(1, 5);
  expect(embeddings[2]).toEqual(embeddings[0]);
  expect(embeddings[1]).not.toEqual(embeddings[0]);
  const { tokens } = await answer(session, { task: 'tokenize', model: 'golek-tiny', text: 'a red kite' });
  const one = await answer(session, embed([tokens]));
  expect(one.embeddings[0]).toEqual(embeddings[0]);
  expect(one.usage).toMatchObject({ promptTokens: tokens.length, completionTokens: 0, timings: { decodeMs: 0 } });
  expect(usage?.promptTokens).toBeGreaterThan(2 * tokens.length);
});

test('also beside generation and each other', async () => {
  const [alone] = (await answer(session, embed(['a red kite']))).embeddings;
  const [text, ...vectors] = await Promise.all([
    answer(session, chat('Count from 3 to 9.')),
    answer(session, embed(['a red kite'])),
    answer(session, embed(['a red kite'])),
  ]);
  expect(text.choices[0]?.text).toBe('3, 4, 5, 6, 7, 8, 9');
  expect(vectors.map(({ embeddings }) => embeddings[0])).toEqual([alone, alone]);
});

test('fewer dimensions are cut and scaled again', async () => {
  const [full] = (await answer(session, embed(['x']))).embeddings;
  const [short] = (await answer(session, embed(['x'], 16))).embeddings;
  expect(short).toHaveLength(16);
  expect(norm(short)).toBeCloseTo(1, 5);
  expect((short?.[0] ?? 0) / (short?.[1] ?? 1)).toBeCloseTo((full?.[0] ?? 0) / (full?.[1] ?? 1), 3);
  expect((await failure(answer(session, embed(['x'], 257)), 'invalid_request')).message).toContain('256');
});

test('inputs that cannot be embedded are refused by their index', async () => {
  const long = await failure(answer(session, embed(['x', 'word '.repeat(2000)])), 'context_length_exceeded');
  expect(long.details).toMatchObject({ input: 1, contextLength: 1024 });
  expect(long.details?.['promptTokens']).toBeGreaterThan(1024);
  expect((await failure(answer(session, embed(['x', ''])), 'invalid_request')).message).toContain('inputs[1]');
  await failure(answer(session, embed([[5000]])), 'invalid_request');
});

test('an abort ends a run between inputs, and those that wait', async () => {
  const client = new AbortController();
  const inputs = Array.from({ length: 200 }, (_, i) => `input ${i}`);
  const reader = run(session, embed(inputs), client.signal)[Symbol.asyncIterator]();
  await reader.next();
  const waiting = answer(session, embed(inputs), client.signal);
  client.abort();
  await failure(reader.next() as Promise<unknown>, 'cancelled');
  await failure(waiting, 'cancelled');
  expect((await answer(session, embed(['x']))).embeddings).toHaveLength(1);
});

test('more runs than may wait are refused, and a run that is left makes room', async () => {
  const { provider: full, session: small } = await openTiny({ queueLimit: 1 });
  const client = new AbortController();
  const many = embed(Array.from({ length: 100 }, (_, i) => `input ${i}`));
  const readers = [0, 1].map(() => run(small, many, client.signal)[Symbol.asyncIterator]());
  await Promise.all(readers.map((reader) => reader.next()));
  expect(small.health().load).toMatchObject({ running: 1, waiting: 1 });
  const refused = await failure(answer(small, embed(['x'])), 'overloaded');
  expect(refused.details).toEqual({ waiting: 2, queueLimit: 1 });
  await readers[0]?.return?.();
  expect((await answer(small, embed(['x']))).embeddings).toHaveLength(1);
  client.abort();
  await full[Symbol.asyncDispose]();
});

test('a zero vector stays one', () => {
  expect(normalized([0, 0])).toEqual(Float32Array.of(0, 0));
});
