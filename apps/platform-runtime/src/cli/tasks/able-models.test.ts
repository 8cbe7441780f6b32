import { expect, test } from 'vitest';
import { ableModels } from './able-models.ts';

const chat = { name: 'chat', tasks: ['generate', 'embed'] };
const embedder = { name: 'embedder', tasks: ['tensor', 'embed'] };
const unknown = { name: 'unknown', tasks: [] };

test('a model that was made for the task comes before one that generates', () => {
  expect(ableModels([chat, embedder], 'embed')).toEqual([embedder]);
  expect(ableModels([chat], 'embed')).toEqual([chat]);
  expect(ableModels([chat, embedder], 'generate')).toEqual([chat]);
  expect(ableModels([chat, embedder], 'rerank')).toEqual([]);
  expect(ableModels([unknown], 'rerank')).toEqual([unknown]);
});
