import type OpenAI from 'openai';
import { expect, expectTypeOf, test } from 'vitest';
import { ModelList, modelList, wireModel, WireModel, wireRoute } from './model-list.ts';

test('has the shape of the official type', () => {
  expectTypeOf<WireModel>().toExtend<OpenAI.Model>();
});

test('names what the model is, but not where it is', () => {
  const manifest = {
    name: 'tiny',
    provider: 'gguf',
    source: '/secret/tiny.gguf',
    tasks: ['generate' as const],
    contextLength: 512,
    created: 1_700_000_000,
  };
  expect(ModelList.parse(modelList([wireModel(manifest)]))).toEqual({
    object: 'list',
    data: [
      {
        id: 'tiny',
        object: 'model',
        created: 1_700_000_000,
        owned_by: 'gguf',
        golek: { tasks: ['generate'], contextLength: 512 },
      },
    ],
  });
});

test('a route is a model that stands for others', () => {
  const manifest = { name: 'chat', provider: 'gguf', source: '/s', tasks: ['generate' as const], created: 5 };
  const route = { strategy: 'priority', targets: ['s', 'o'] };
  expect(WireModel.parse(wireRoute(manifest, route))).toEqual({
    ...wireModel(manifest),
    golek: { tasks: ['generate'], route },
  });
});
