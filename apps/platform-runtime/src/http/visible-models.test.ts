import { ModelRoute, type ModelManifest, type Principal } from '@golek/api';
import { ModelRegistry } from '@golek/kernel';
import { expect, test } from 'vitest';
import { visibleModel, visibleModels } from './visible-models.ts';

const small: ModelManifest = {
  name: 's',
  provider: 'gguf',
  source: '/s',
  tasks: ['generate'],
  contextLength: 512,
  created: 5,
};
const other: ModelManifest = { ...small, name: 'o', provider: 'cloud', tasks: ['embed', 'generate'], created: 9 };
const anyone: Principal = { id: 'a', tenant: 't', scopes: [] };

const registry = (): ModelRegistry => {
  const models = new ModelRegistry();
  for (const manifest of [small, other]) models.register({ manifest, source: { name: manifest.name, location: 'x' } });
  for (const [name, targets] of [
    ['alias', ['s']],
    ['both', ['s', 'o']],
    ['same', ['s', 's2']],
  ] as const) {
    models.routes.set(ModelRoute.parse({ name, targets: targets.map((model) => ({ model })) }), null);
  }
  return models;
};

test('a route is a model that can what any of its targets can', () => {
  const models = registry();
  expect(visibleModel(models, 's', anyone)).toEqual({ manifest: small, targets: [small] });
  expect(visibleModel(models, 'alias', anyone)).toEqual({
    manifest: { ...small, name: 'alias' },
    targets: [small],
    strategy: 'priority',
  });
  expect(visibleModel(models, 'both', anyone)).toEqual({
    manifest: {
      name: 'both',
      provider: 'golek',
      source: 'both',
      tasks: ['generate', 'embed'],
      contextLength: 512,
      created: 9,
    },
    targets: [small, other],
    strategy: 'priority',
  });
});

test('a caller sees what it may use; a route without targets is nothing', () => {
  const models = registry();
  const names = (principal: Principal): string[] =>
    visibleModels(models, principal).map(({ manifest }) => manifest.name);
  expect(names(anyone)).toEqual(['s', 'o', 'alias', 'both', 'same']);
  models.unregister('s');
  expect(names(anyone)).toEqual(['o', 'both']);
  const one = { ...anyone, models: ['both', 'gone'] };
  expect(names(one)).toEqual(['both']);
  expect(() => visibleModel(models, 'o', one)).toThrow("no model or alias named 'o'");
  expect(() => visibleModel(models, 'bath', one)).toThrow("did you mean 'both'?");
});
