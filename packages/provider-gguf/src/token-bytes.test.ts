import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { golekTiny } from '@golek/model-tiny';
import { startEngine, type Engine, type EngineModel } from './engine.ts';
import { resolveOptions } from './options.ts';
import { TokenBytes, type Vocabulary } from './token-bytes.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({ gpu: false });
});
afterAll(() => engine.dispose());

const load = (path: string): Promise<EngineModel> =>
  engine.load({
    name: 'm',
    path,
    options: resolveOptions({ threads: 1 }, 'm'),
    contextSize: 64,
    generates: true,
    vectors: undefined,
    adapterBytes: 0,
    heads: { key: undefined, value: undefined },
    memoryLimitBytes: undefined,
    signal: new AbortController().signal,
    onProgress: undefined,
  });

const TEXT = 'Zürich 日本 🎉👩‍👩‍👧 a_b  12\n\t«x» \u{1F9FF}';

// The second is not part of the repository: a SentencePiece vocabulary, where it lies beside a checkout.
const BESIDE = resolve(import.meta.dirname, '../../../../shared/models/stories260K-gguf/stories260K-q8_0.gguf');
const MODELS = [golekTiny.path, BESIDE].filter((path) => existsSync(path));

describe.each(MODELS)('%s', (path) => {
  test('the bytes of tokens join to the text', async () => {
    const model = await load(path);
    const bytes = new TokenBytes(model.vocabulary);
    const joined = Buffer.concat(model.tokenize(TEXT, false).map((token) => bytes.of(token))).toString();
    expect(joined.trimStart()).toBe(TEXT);
    await model.dispose();
  });

  test('every token that is text of its own has the bytes of this text', async () => {
    const model = await load(path);
    const { vocabulary } = model;
    const bytes = new TokenBytes(vocabulary);
    let texts = 0;
    for (let token = 0; token < vocabulary.size; token++) {
      const own = Buffer.from(bytes.of(token));
      const text = vocabulary.detokenize([token]);
      if (text.includes('\uFFFD') || own.length === 0) continue;
      texts++;
      expect([token, own.toString().trimStart()]).toEqual([token, text.trimStart()]);
    }
    expect(texts).toBeGreaterThan(vocabulary.size * 0.4);
    await model.dispose();
  });
});

test('control tokens add nothing; user-defined ones their text', async () => {
  const model = await load(golekTiny.path);
  const bytes = new TokenBytes(model.vocabulary);
  const [end = -1] = model.tokenize('<|im_end|>', true);
  const call = model.tokenize('<tool_call>', true);
  expect(bytes.of(end)).toHaveLength(0);
  expect(call).toHaveLength(1);
  expect(Buffer.from(bytes.of(call[0] ?? -1)).toString()).toBe('<tool_call>');
  await model.dispose();
});

test('byte tokens of SentencePiece and parts of characters of byte-level vocabularies', () => {
  const spellings = ['<0xE2>', 'â', 'Ł', '▁the', '\uFFFD', 'Ġx'];
  const attributes = [1 << 5, 1 << 2, 1 << 2, 1 << 2, 1 << 2, 1 << 2];
  const vocabulary: Vocabulary = {
    size: spellings.length,
    tokenText: (token) => spellings[token] ?? '',
    attributes: (token) => attributes[token] ?? 0,
    detokenize: ([token = 0]) => ['\uFFFD', '\uFFFD', '\uFFFD', 'the', '\uFFFD', ' x'][token] ?? '',
    isEndOfGeneration: () => false,
  };
  const bytes = new TokenBytes(vocabulary);
  expect(spellings.map((_, token) => [...bytes.of(token)])).toEqual([
    [0xe2],
    [0xe2],
    [0x9f],
    [...Buffer.from(' the')],
    [0xef, 0xbf, 0xbd],
    [0x20, 0x78],
  ]);
});
