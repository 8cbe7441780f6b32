import { golekTiny } from '@golek/model-tiny';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BatchContext } from '../binding.ts';
import { startEngine, type Engine, type EngineModel } from '../engine.ts';
import { readGgufFile } from '../gguf-file.ts';
import { factsOf } from '../gguf-manifest.ts';
import { resolveOptions } from '../options.ts';
import { DraftModel, sharedTokens } from './draft-model.ts';

const signal = AbortSignal.timeout(120_000);
let engine: Engine;
let model: EngineModel;

beforeAll(async () => {
  engine = await startEngine({ gpu: false });
  const file = await readGgufFile(golekTiny.path, signal);
  const options = resolveOptions({ threads: 1, parallel: 2, batchSize: 16 }, 'm', {});
  const { heads } = factsOf(file);
  const use = { generates: true, vectors: undefined, adapterBytes: 0, memoryLimitBytes: undefined };
  const wanted = { name: 'm', path: file.path, options, contextSize: 256, heads, ...use };
  model = await engine.load({ ...wanted, signal, onProgress: undefined });
});
afterAll(async () => {
  await model.dispose();
  engine.dispose();
});

const drafts = async (mayFollow: (token: number) => boolean = () => true): Promise<DraftModel> => {
  const context = await model.createBatchContext(signal);
  return new DraftModel({ context, samplers: model.samplers, mayFollow, dispose: async () => undefined });
};

/** What the model itself says greedily. */
const greedy = async (prompt: readonly number[], count: number): Promise<number[]> => {
  const context: BatchContext = await model.createBatchContext(signal);
  const sampler = model.samplers.create(
    { temperature: 0, topP: 1, topK: 0, minP: 0, seed: 0, logitBias: [] },
    undefined,
    256,
  );
  const tokens: number[] = [];
  for (const [position, token] of prompt.entries()) {
    context.begin(1);
    const [row] = context.add(0, position, Uint32Array.of(token), 0);
    await context.decode();
    if (position === prompt.length - 1) tokens.push(await context.sample(row as number, sampler));
  }
  while (tokens.length < count) {
    context.begin(1);
    const position = prompt.length + tokens.length - 1;
    const [row] = context.add(0, position, Uint32Array.of(tokens.at(-1) as number), 0);
    await context.decode();
    tokens.push(await context.sample(row as number, sampler));
  }
  model.samplers.dispose(sampler);
  await context.dispose();
  return tokens;
};

test('guesses what the small model says, also after wrong guesses, for several sequences at once', async () => {
  const prompt = model.tokenize('Golek is an inference', true);
  const other = model.tokenize('The weather today', true);
  const truth = await greedy(prompt, 12);
  const otherTruth = await greedy(other, 4);
  await using speculation = await drafts();
  speculation.begin(0, Uint32Array.from(prompt));
  speculation.begin(1, Uint32Array.from(other));
  const both = [
    { slot: 1, limit: 3 },
    { slot: 0, limit: 4 },
  ];
  expect(await speculation.propose(both)).toEqual([otherTruth.slice(0, 3), truth.slice(0, 4)]);
  // The large model takes two of them and then something else; what was guessed beyond is forgotten.
  const odd = truth[2] === 7 ? 8 : 7;
  speculation.extend(0, [...truth.slice(0, 2), odd]);
  const changed = await greedy([...prompt, ...truth.slice(0, 2), odd], 3);
  expect(await speculation.propose([{ slot: 0, limit: 3 }])).toEqual([changed]);
  // All guesses were right, and the next token of the large model is there too.
  speculation.extend(0, [...changed, 9]);
  const next = await greedy([...prompt, ...truth.slice(0, 2), odd, ...changed, 9], 2);
  expect(await speculation.propose([{ slot: 0, limit: 2 }])).toEqual([next]);
});

test('a prompt longer than a batch is seen piece by piece before anything is guessed', async () => {
  const prompt = model.tokenize('one two three four five six seven eight nine ten '.repeat(8), true).slice(0, 40);
  const truth = await greedy(prompt, 2);
  await using speculation = await drafts();
  speculation.begin(0, Uint32Array.from(prompt));
  const wanted = [{ slot: 0, limit: 2 }];
  expect(await speculation.propose(wanted)).toEqual([[]]);
  expect(await speculation.propose(wanted)).toEqual([[]]);
  expect(await speculation.propose(wanted)).toEqual([truth]);
});

test('tokens that may not follow end the guess', async () => {
  const prompt = model.tokenize('Golek is an inference', true);
  const truth = await greedy(prompt, 3);
  await using speculation = await drafts((token) => token !== truth[2]);
  speculation.begin(0, Uint32Array.from(prompt));
  expect(await speculation.propose([{ slot: 0, limit: 8 }])).toEqual([truth.slice(0, 2)]);
});

test('a sequence that begins like the one before it in the slot, and unknown slots', async () => {
  const prompt = model.tokenize('Golek is an inference', true);
  const truth = await greedy(prompt, 3);
  await using speculation = await drafts();
  for (let round = 0; round < 2; round++) {
    speculation.begin(0, Uint32Array.from(prompt));
    expect(await speculation.propose([{ slot: 0, limit: 3 }])).toEqual([truth]);
    speculation.end(0);
  }
  expect(await speculation.propose([{ slot: 0, limit: 3 }])).toEqual([[]]);
});

test('two models have the same tokens up to the padding of one, or they cannot work together', () => {
  const table = (size: number, odd = -1): { size: number; tokenText: (token: number) => string } => ({
    size,
    tokenText: (token) => (token === odd ? 'x' : `t${token}`),
  });
  expect(sharedTokens(table(1_000), table(1_100))).toBe(1_000);
  expect(sharedTokens(table(1_000), table(1_200))).toBeUndefined();
  expect(sharedTokens(table(1_000), table(1_000, 999))).toBeUndefined();
});
