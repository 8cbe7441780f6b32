import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AdapterChoice, ModelSession, Provider } from '@golek/providers-spi';
import { adapterBytes, writeAdapter } from './tiny-adapter.fixture.ts';
import { createGgufProvider } from './index.ts';
import { answer, chat, failure, golden, goldenRequest, tinySource } from './tiny-model.fixture.ts';

const never = new AbortController().signal;
let folder: string;
let provider: Provider;
let session: ModelSession;
let plain: ModelSession;

const open = (adapters: object): Promise<ModelSession> =>
  provider.open({ ...tinySource, options: { parallel: 3, ...adapters } }, { signal: never });

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'golek-lora-'));
  provider = createGgufProvider({ threads: 1, gpu: false });
  const tone = { path: await writeAdapter(path.join(folder, 'tone.gguf')) };
  const style = { path: await writeAdapter(path.join(folder, 'style.gguf'), { seed: 2 }), scale: 0.5 };
  session = await open({ adapters: { tone, style } });
  plain = await open({});
});
afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const question = 'Tell me a story about a fox.';
const told = async (adapters: readonly AdapterChoice[], maxTokens = 24): Promise<string> => {
  const result = await answer(session, chat(question, { adapters: [...adapters], maxTokens }));
  return result.choices[0]?.text ?? '';
};

test('an adapter changes answers, by its scale, and only of the requests that name it', async () => {
  const without = (await answer(plain, chat(question, { maxTokens: 24 }))).choices[0]?.text;
  const tone = await told([{ name: 'tone' }]);
  expect(await told([])).toBe(without);
  expect(tone).not.toBe(without);
  expect(await told([{ name: 'tone' }])).toBe(tone);
  expect(await told([{ name: 'tone', scale: 1 }])).toBe(tone);
  expect(await told([{ name: 'tone', scale: 0 }])).toBe(without);
  const style = await told([{ name: 'style' }]);
  expect(await told([{ name: 'style', scale: 0.5 }])).toBe(style);
  expect(await told([{ name: 'style', scale: 2 }])).not.toBe(style);
  const both = await told([{ name: 'tone' }, { name: 'style' }]);
  expect(await told([{ name: 'style' }, { name: 'tone' }])).toBe(both);
  expect(new Set([without, tone, style, both]).size).toBe(4);
  expect(await told([])).toBe(without);
});

test('adapters are part of the memory that a model takes', async () => {
  const files = ['tone.gguf', 'style.gguf'].map(async (file) => (await stat(path.join(folder, file))).size);
  const sizes = await Promise.all(files);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  expect(session.capabilities.memoryBytes).toBe((plain.capabilities.memoryBytes ?? 0) + bytes);
});

test('answers are the same in mixed company as alone', async () => {
  const sets: readonly AdapterChoice[][] = [
    [],
    [{ name: 'tone' }],
    [{ name: 'style' }],
    [{ name: 'tone', scale: 0.7 }],
  ];
  const alone: string[] = [];
  for (const set of sets) alone.push(await told(set));
  const mixed = await Promise.all(Array.from({ length: 12 }, (_, i) => told(sets[i % sets.length] ?? [])));
  expect(mixed).toEqual(Array.from({ length: 12 }, (_, i) => alone[i % alone.length]));
});

test('guessing ahead changes no adapted answer', async () => {
  const options = { adapters: { tone: { path: path.join(folder, 'tone.gguf') } }, speculation: 'prompt-lookup' };
  await using guessing = await open(options);
  const adapters = [{ name: 'tone' }];
  const [adapted, without] = await Promise.all([
    answer(guessing, chat(question, { adapters, maxTokens: 24 })),
    answer(guessing, chat(question, { maxTokens: 24 })),
  ]);
  expect(adapted.choices[0]?.text).toBe(await told(adapters));
  expect(without.choices[0]?.text).toBe(await told([]));
});

test('golden answers stay what they are beside adapted ones', async () => {
  const entries = Object.values(golden.answers).slice(0, 4);
  const others = Promise.all(Array.from({ length: 4 }, () => told([{ name: 'tone' }], 60)));
  for (const entry of entries) {
    const request = goldenRequest(entry, { maxTokens: 16 });
    expect((await answer(session, request)).choices).toEqual((await answer(plain, request)).choices);
  }
  await others;
});

test('what is cached for one set of adapters is not used for another', async () => {
  const cached = async (adapters: AdapterChoice[]): Promise<number> =>
    (await answer(session, chat('What is a kite made of?', { adapters, maxTokens: 4 }))).usage?.cachedPromptTokens ?? 0;
  await cached([]);
  const again = await cached([]);
  expect(again).toBeGreaterThan(5);
  expect(await cached([{ name: 'tone', scale: 0.3 }])).toBe(0);
  expect(await cached([{ name: 'tone', scale: 0.3 }])).toBe(again);
});

test('unknown and repeated names are refused, as are adapters of a model that has none', async () => {
  const unknown = await failure(told([{ name: 'tune' }]), 'invalid_request');
  expect(unknown.message).toBe(
    "the adapter 'tune' is none of the adapters of the model 'golek-tiny', which are: 'tone', 'style'",
  );
  expect(unknown.details).toMatchObject({ option: 'adapters', known: ['tone', 'style'] });
  await failure(told([{ name: 'tone' }, { name: 'tone', scale: 2 }]), 'invalid_request');
  const none = await failure(answer(plain, chat('x', { adapters: [{ name: 'tone' }] })), 'unsupported');
  expect(none.details).toMatchObject({ option: 'adapters' });
});

test('an adapter that does not fit is refused by name before the model is loaded', async () => {
  const file = path.join(folder, 'bad.gguf');
  const refused = async (bytes: Uint8Array, code: 'model_invalid' | 'unsupported' = 'model_invalid') => {
    await writeFile(file, bytes);
    return failure(open({ adapters: { bad: { path: file } } }), code);
  };
  expect(
    (await failure(open({ adapters: { bad: { path: path.join(folder, 'no') } } }), 'model_not_found')).message,
  ).toContain("adapter 'bad'");
  expect((await refused(Buffer.from('PK not an adapter'))).message).toContain("adapter 'bad'");
  expect((await refused(await adapterBytes({ metadata: { 'general.type': 'model' } }))).message).toContain(
    'general.type',
  );
  const other = await refused(await adapterBytes({ metadata: { 'general.architecture': 'qwen2' } }));
  expect(other.message).toContain("'llama' is needed");
  expect((await refused(await adapterBytes({ metadata: { 'adapter.lora.alpha': 4 } }))).message).toContain('alpha');
  expect((await refused(await adapterBytes({ change: (all) => all.slice(1) }))).message).toContain('only one half');
  expect((await refused(await adapterBytes({ change: () => [] }))).message).toContain('adapts nothing');
  const turned = await adapterBytes({
    change: (all) => all.map((tensor) => ({ ...tensor, shape: [...tensor.shape].reverse() })),
  });
  expect((await refused(turned)).message).toContain('made for another model');
  const renamed = await adapterBytes({
    change: (all) => all.map((tensor) => ({ ...tensor, name: tensor.name.replace('blk.0', 'blk.99') })),
  });
  expect((await refused(renamed)).message).toContain('blk.99');
  const activated = { 'adapter.alora.invocation_tokens': { integers: [1] } };
  await refused(await adapterBytes({ metadata: activated }), 'unsupported');
});

test('any change of a byte of the header gives an adapter or an error with its name', async () => {
  const bytes = await adapterBytes();
  const [first] = [bytes.indexOf('blk.0')];
  const file = path.join(folder, 'mutated.gguf');
  let seed = 12345;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  let refused = 0;
  for (let i = 0; i < 400; i++) {
    let changed = Buffer.from(bytes);
    // Most of them where the metadata and the first tensors are described.
    const at = random(i % 3 === 0 ? first + 1200 : first + 200);
    if (i % 10 === 0) changed = changed.subarray(0, random(bytes.length));
    else if (i % 4 === 0) changed.writeUInt32LE(random(2 ** 32), at);
    else changed.writeUInt8(random(256), at);
    await writeFile(file, changed);
    try {
      await using opened = await open({ parallel: 1, contextSize: 64, adapters: { mutated: { path: file } } });
      const adapters = [{ name: 'mutated', scale: 0.01 }];
      await answer(opened, chat('x', { adapters, maxTokens: 1 }));
    } catch (error) {
      refused++;
      expect(error).toMatchObject({ code: expect.stringMatching(/^(model_invalid|unsupported)$/) as string });
      expect((error as Error).message).toContain("the adapter 'mutated'");
    }
  }
  expect(refused).toBeGreaterThan(200);
}, 120_000);
