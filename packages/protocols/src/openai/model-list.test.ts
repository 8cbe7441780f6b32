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

test('a route is a model that can what any of its targets can', () => {
  const small = {
    name: 's',
    provider: 'gguf',
    source: '/s',
    tasks: ['generate' as const],
    contextLength: 512,
    created: 5,
  };
  const other = { ...small, name: 'o', provider: 'cloud', tasks: ['embed' as const, 'generate' as const], created: 9 };
  const of = (...targets: [typeof small | typeof other, ...(typeof other)[]]) =>
    WireModel.parse(wireRoute('chat', 'priority', targets));
  expect(of(small)).toEqual({
    ...wireModel(small),
    id: 'chat',
    golek: { tasks: ['generate'], contextLength: 512, route: { strategy: 'priority', targets: ['s'] } },
  });
  expect(of(small, other)).toEqual({
    id: 'chat',
    object: 'model',
    created: 9,
    owned_by: 'golek',
    golek: { tasks: ['generate', 'embed'], contextLength: 512, route: { strategy: 'priority', targets: ['s', 'o'] } },
  });
});
