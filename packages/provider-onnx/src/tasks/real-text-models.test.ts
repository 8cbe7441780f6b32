import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { GenerateRequest, ModelSession } from '@golek/providers-spi';
import { expect, test } from 'vitest';
import { never, TestProvider } from '../test-session.fixture.ts';

// Models that are not part of the repository: see their SOURCE.txt there.
const BESIDE = path.resolve(import.meta.dirname, '../../../../../shared/models');
const tests = new TestProvider();

const embedded = async (session: ModelSession, inputs: string[]): Promise<Float32Array[]> => {
  const events = await Array.fromAsync(session.run({ task: 'embed', model: 'm', inputs }, { id: '1', signal: never }));
  return events.flatMap((event) => (event.type === 'embedding' ? [event.vector] : []));
};

const cosine = (one: Float32Array, other: Float32Array): number =>
  one.reduce((sum, component, i) => sum + component * (other[i] ?? 0), 0);

const USE = path.join(BESIDE, 'use-lite/onnx/model_quantized.onnx');
test.runIf(existsSync(USE))('a sentence encoder ranks paraphrases first, alone and in batches', async () => {
  await using session = await tests.open(USE);
  expect(session.manifest).toMatchObject({ tasks: ['tensor', 'embed', 'tokenize', 'detokenize'], contextLength: 128 });
  const pairs = [
    ['How old are you?', 'What is your age?'],
    ['The weather is lovely today.', 'It is sunny outside.'],
    ['The cat sits on the mat.', 'A cat is sitting on a rug.'],
    ['I forgot my password.', 'How can I reset my login?'],
  ] as const;
  const queries = await embedded(
    session,
    pairs.map(([query]) => query),
  );
  const answers = await embedded(
    session,
    pairs.map(([, answer]) => answer),
  );
  for (const [index, query] of queries.entries()) {
    const ranked = answers.map((answer) => cosine(query, answer));
    expect(ranked.indexOf(Math.max(...ranked)), pairs[index]?.[0]).toBe(index);
    expect(cosine(query, query)).toBeCloseTo(1, 5);
    const [alone] = await embedded(session, [pairs[index]?.[0] ?? '']);
    expect(cosine(query, alone as Float32Array)).toBeGreaterThan(0.9999);
  }
  await expect(embedded(session, ['word '.repeat(200)])).rejects.toMatchObject({ code: 'context_length_exceeded' });
});

const generated = async (
  session: ModelSession,
  request: Partial<GenerateRequest> & Pick<GenerateRequest, 'input'>,
): Promise<string> => {
  const whole: GenerateRequest = { task: 'generate', model: 'm', sampling: { temperature: 0 }, ...request };
  const events = await Array.fromAsync(session.run(whole, { id: '1', signal: never }));
  return events.flatMap((event) => (event.type === 'text' ? [event.text] : [])).join('');
};

const STORIES = path.join(BESIDE, 'stories260K-onnx/onnx/model.onnx');
const GOLDEN = path.join(BESIDE, 'stories260K-gguf/golden.json');
test.runIf(existsSync(STORIES) && existsSync(GOLDEN))(
  'the same text as the GGUF file of the same weights',
  async () => {
    await using session = await tests.open(STORIES);
    const golden = JSON.parse(await readFile(GOLDEN, 'utf8')) as {
      f32kv: { prompt: string; ids: number[]; text: string };
    }[];
    expect(golden.length).toBeGreaterThan(2);
    const stories = golden.map(({ f32kv }) => f32kv);
    const texts = await Promise.all(
      stories.map(({ prompt, ids }) =>
        generated(session, { input: { type: 'text', prompt, echo: true }, maxTokens: ids.length }),
      ),
    );
    expect(texts).toEqual(stories.map(({ text }) => text));
  },
);

const TINY = path.join(BESIDE, 'golek-tiny/onnx/model.onnx');
test.runIf(existsSync(TINY))("a chat with the model's own template", async () => {
  await using session = await tests.open(TINY);
  const content = [{ type: 'text' as const, text: 'Hello!' }];
  const input = { type: 'chat' as const, messages: [{ role: 'user' as const, content }] };
  expect(await generated(session, { input })).toBe('Hello! How can I help you?');
  await expect(generated(session, { input, output: { type: 'json' } })).rejects.toMatchObject({ code: 'unsupported' });
});
