import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { golekEmbed } from '@golek/model-embed';
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

/** A text, one that says the same in other words, and one of the same words or the same field that says something else. */
const TRIPLES = [
  ['How old are you?', 'What is your age?', 'How are you today?'],
  ['The weather is lovely today.', 'It is sunny outside.', 'The weather service has a new website.'],
  ['The cat sits on the mat.', 'A cat is sitting on a rug.', 'The mat is for sale at the market.'],
  ['I forgot my password.', 'How can I reset my login?', 'I forgot my umbrella on the train.'],
  ['The company fired two hundred workers.', 'The firm laid off 200 employees.', 'The company hired two directors.'],
  ['How do I cook rice?', 'What is the best way to boil rice?', 'Rice is grown in Asia.'],
  ['My flight was cancelled.', 'The airline called off my plane.', 'I like the colour of my new bag.'],
  ['He plays the guitar very well.', 'He is a talented guitarist.', 'He plays football on Sundays.'],
] as const;

test('the shipped sentence encoder ranks paraphrases first, alone and in batches', async () => {
  await using session = await tests.open(golekEmbed.path);
  expect(session.manifest).toMatchObject({
    tasks: ['tensor', 'embed', 'tokenize', 'detokenize'],
    contextLength: 128,
    embeddingLength: 512,
  });
  const queries = await embedded(
    session,
    TRIPLES.map(([query]) => query),
  );
  const candidates = await embedded(
    session,
    TRIPLES.flatMap(([, same, other]) => [same, other]),
  );
  for (const [index, query] of queries.entries()) {
    const ranked = candidates.map((candidate) => cosine(query, candidate));
    const text = TRIPLES[index]?.[0] ?? '';
    expect(ranked.indexOf(Math.max(...ranked)), text).toBe(index * 2);
    expect(cosine(query, query)).toBeCloseTo(1, 5);
    const [alone] = await embedded(session, [text]);
    expect(cosine(query, alone as Float32Array)).toBeGreaterThan(0.9999);
  }
});

test('the shipped sentence encoder says that it cuts what is too long', async () => {
  await using session = await tests.open(golekEmbed.path);
  const [long, cut] = ['word '.repeat(200), 'word '.repeat(128)];
  expect(await embedded(session, [long])).toEqual(await embedded(session, [cut]));
  const request = { task: 'embed' as const, model: 'm', inputs: [long] };
  const events = await Array.fromAsync(session.run(request, { id: '1', signal: never }));
  expect(events.find(({ type }) => type === 'warning')).toMatchObject({ message: expect.stringContaining('128') });
  await using strict = await tests.open(golekEmbed.path, { truncate: 'never' });
  await expect(embedded(strict, [long])).rejects.toMatchObject({ code: 'context_length_exceeded' });
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
