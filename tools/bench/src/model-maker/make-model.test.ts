import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { collect } from '@golek/api';
import { createGgufProvider } from '@golek/provider-gguf';
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';
import { makeModel } from './make-model.ts';
import { readMakeModelArgs } from './make-model-command.ts';
import { checkedShape, readShape, ShapeError, type ModelShape } from './model-shape.ts';
import { syntheticVocabulary } from './synthetic-vocabulary.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'golek-model-maker-'));
afterAll(() => rm(folder, { recursive: true }));

const SMALL = {
  layers: 2,
  embedding: 64,
  heads: 4,
  kvHeads: 2,
  feedForward: 96,
  vocabulary: 700,
  context: 256,
} as const;
const small = (changes: Partial<ModelShape>): ModelShape =>
  checkedShape({ ...SMALL, architecture: 'llama', format: 'q8_0', embeddingFormat: 'q8_0', ...changes });

const hashOf = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

describe.each([
  { architecture: 'llama', format: 'q8_0', embeddingFormat: 'q8_0' },
  { architecture: 'qwen2', format: 'q4_0', embeddingFormat: 'q8_0' },
  { architecture: 'llama', format: 'q4_0', embeddingFormat: 'q4_0' },
  { architecture: 'llama', format: 'f16', embeddingFormat: 'f16' },
] as const)('a model of $architecture in $format', (changes) => {
  it('is read by the provider, and answers', async () => {
    const file = path.join(folder, `${changes.architecture}-${changes.format}-${changes.embeddingFormat}.gguf`);
    const weights = await makeModel({ shape: small(changes), out: file });
    await using provider = createGgufProvider({ threads: 1, gpu: false, parallel: 1 });
    const { signal } = new AbortController();
    const source = { name: 'made', location: file };
    const manifest = await provider.inspect(source, { signal });
    expect(manifest).toMatchObject({
      architecture: changes.architecture,
      quantization: changes.format.toUpperCase(),
      parameterCount: weights,
      contextLength: 256,
      chatTemplate: true,
    });
    const session = await provider.open(source, { signal });
    const input = {
      type: 'chat' as const,
      messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'The fox. 日本語 🎉' }] }],
    };
    const request = { task: 'generate' as const, model: 'made', input, maxTokens: 24, sampling: { temperature: 0 } };
    const result = await collect(session.run({ ...request, logprobs: { top: 1 } }, { id: '1', signal }));
    expect(result).toMatchObject({ choices: [{ finish: 'length' }], usage: { completionTokens: 24 } });
    expect(result.choices[0]?.logprobs).toHaveLength(24);
    expect(result.choices[0]?.logprobs.every(({ logprob }) => Number.isFinite(logprob))).toBe(true);
  });
});

it('writes the same bytes for a seed, and others for another', async () => {
  const shape = small({});
  const files = ['a', 'b', 'c'].map((name) => path.join(folder, `${name}.gguf`));
  for (const [index, out] of files.entries()) await makeModel({ shape, out, seed: index === 2 ? 2 : 1 });
  const [a, b, c] = files.map(hashOf);
  expect(a).toBe(b);
  expect(a).not.toBe(c);
});

it('leaves no part of a file behind', async () => {
  await expect(
    makeModel({ shape: { ...small({}), vocabulary: 1e6 }, out: path.join(folder, 'no.gguf') }),
  ).rejects.toThrow('a vocabulary of 1000000 tokens cannot be made');
  expect((await readdir(folder)).filter((name) => name.startsWith('no'))).toEqual([]);
});

it('tokenises every text and gives it back', async () => {
  const out = path.join(folder, 'tokens.gguf');
  await makeModel({ shape: small({ vocabulary: 5000 }), out });
  const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: LlamaLogLevel.error });
  await using model = await llama.loadModel({ modelPath: out, vocabOnly: true });
  for (const text of [
    '',
    'The quick brown fox jumps over the lazy dog.',
    '\u0000\u0001 tab\t 日本語 🎉 e\u0301 \u{10ffff}',
    '  spaces\n\n',
  ]) {
    expect(model.detokenize(model.tokenize(text))).toBe(text);
  }
  expect(model.tokenize('<|im_end|>', true)).toHaveLength(1);
  expect(model.tokenize('The quick brown fox jumps over the lazy dog.').length).toBeLessThan(25);
});

describe('the vocabulary', () => {
  it.each([262, 700, 32_000, 151_936])('of %d tokens has no token twice, and only merges of its own tokens', (size) => {
    const { tokens, merges } = syntheticVocabulary(size);
    const known = new Set(tokens);
    expect(known.size).toBe(size);
    for (const merge of merges) {
      const [left = '', right = ''] = merge.split(' ');
      if (!known.has(left) || !known.has(right) || !known.has(left + right)) throw new Error(merge);
    }
  });
});

describe('sizes', () => {
  it('reads a size with its format', () => {
    expect(readShape('0.5B-Q4_0')).toMatchObject({ layers: 24, format: 'q4_0', embeddingFormat: 'q8_0', kvHeads: 2 });
    expect(readShape('135m')).toMatchObject({ embedding: 576, format: 'q8_0', embeddingFormat: 'q8_0' });
  });
  it.each([
    [() => readShape('7b'), "there is no size '7b'"],
    [() => readShape('15m-q5_1'), "there is no weight format 'q5_1'"],
    [() => small({ heads: 5 }), 'cannot be split into 5 heads'],
    [() => small({ kvHeads: 3 }), '4 heads cannot share 3 heads'],
    [() => small({ feedForward: 100 }), "'feedForward' must be a multiple of 32"],
    [() => small({ vocabulary: 100 }), 'at least 262 tokens'],
    [() => small({ layers: Number.NaN }), "'layers' must be a whole number"],
  ])('refuses what cannot be: %#', (make, message) => {
    expect(make).toThrow(ShapeError);
    expect(make).toThrow(message);
  });
  it('takes numbers from the command line', () => {
    const args = ['--size', '15m-f16', '--layers', '3', '--arch', 'qwen2', '--kv-heads', '2', '--out', 'x.gguf'];
    expect(readMakeModelArgs(args)).toMatchObject({
      shape: { layers: 3, architecture: 'qwen2', kvHeads: 2, format: 'f16', vocabulary: 32_000 },
      seed: 1,
    });
  });
  it.each([
    [['--size', '15m'], '--out is missing'],
    [['--out', 'x', '--layers', 'three'], "'layers' must be a whole number"],
    [['--out', 'x', '--arch', 'gpt'], "no architecture 'gpt'"],
    [['--out', 'x', '--seed', '1.5'], '--seed'],
  ])('refuses wrong arguments: %j', (args, message) => {
    expect(() => readMakeModelArgs(args)).toThrow(message);
  });
});
