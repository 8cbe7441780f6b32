import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { KnownModels } from '../models/list-models.ts';
import { chooseModel } from './choose-model.ts';
import { readModelFlag } from './model-flag.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'golek-choose-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = path.join(folder, 'Llama 3.gguf');
writeFileSync(file, '');
const graph = path.join(folder, 'mnist.onnx');
writeFileSync(graph, '');

const known: KnownModels = {
  models: ['llama', 'golek-tiny'].map((name) => ({
    source: { name, location: `/${name}.gguf` },
    origin: 'configured',
  })),
  default: 'golek-tiny',
  notes: [],
};

test.each([
  ['the first word that is a name', undefined, ['llama', 'Hello'], 'llama', ['Hello']],
  ['the first word that is a file', undefined, [file, 'Hello'], 'Llama 3', ['Hello']],
  ['an ONNX file', undefined, [graph], 'mnist', []],
  ['the default', undefined, ['Hello', 'you'], 'golek-tiny', ['Hello', 'you']],
  [
    'the flag, so that all words are the prompt',
    'llama',
    ['golek-tiny', 'is', 'small'],
    'llama',
    ['golek-tiny', 'is', 'small'],
  ],
  ['a prompt of one word', undefined, ['golek-tin'], 'golek-tiny', ['golek-tin']],
])('%s', (_what, flag, words, name, rest) => {
  const chosen = chooseModel(known, flag, words);
  expect([chosen.source.name, chosen.words]).toEqual([name, rest]);
});

test('a slip in a name is not taken for a prompt', () => {
  expect(() => chooseModel(known, undefined, ['golek-tiy', 'Hello'])).toThrow("did you mean 'golek-tiny'?");
  expect(() => chooseModel(known, 'golek-tiy', [])).toThrow("did you mean 'golek-tiny'?");
  expect(() => chooseModel(known, 'none.gguf', [])).toThrow('no model file is there');
});

test('without any model the remedy is named', () => {
  expect(() => chooseModel({ models: [], default: undefined, notes: [] }, undefined, ['Hi'])).toThrow(/--model/);
});

test.each([
  ['/a/b.Q8_0.gguf', { name: 'b.Q8_0', path: '/a/b.Q8_0.gguf' }],
  ['chat=/a/b.gguf', { name: 'chat', path: '/a/b.gguf' }],
  ['/a=b/c.gguf', { name: 'c', path: '/a=b/c.gguf' }],
  ['=x', { name: '=x', path: '=x' }],
])('--model %s', (text, expected) => {
  expect(readModelFlag(text)).toEqual(expected);
});
