import { expect, test } from 'vitest';
import type { PlatformModel } from './platform-model.ts';
import { servedModels } from './served-models.ts';

const model = (name: string, provider?: string, location = name): PlatformModel => ({
  source: { name, location },
  ...(provider !== undefined && { provider }),
});

const listed = (upstream: string, ...names: string[]) => ({
  upstream,
  models: names.map((name) => model(name, upstream)),
  leftOut: [],
});

const names = (models: readonly PlatformModel[]) => models.map(({ source, provider }) => [source.name, provider]);

test('a name belongs to models.list, then to routes, to models of this machine and to the first upstream', () => {
  const served = servedModels({
    configured: [model('one', 'farm', 'other'), model('tiny', 'farm', 'other')],
    routes: ['chat'],
    own: [model('tiny'), model('local')],
    listed: [listed('farm', 'one', 'chat', 'local', 'two'), listed('desk', 'two', 'three')],
  });
  expect(names(served.own)).toEqual([['local', undefined]]);
  expect(names(served.listed)).toEqual([
    ['two', 'farm'],
    ['three', 'desk'],
  ]);
  expect(
    served.leftOut.map(({ upstream, model: name, reason }) => [upstream, name, reason.split(' has its name')[0]]),
  ).toEqual([
    ['farm', 'one', "a model of 'models.list'"],
    ['farm', 'chat', 'a route'],
    ['farm', 'local', 'a model of this machine'],
    ['desk', 'two', "a model of the upstream 'farm'"],
  ]);
});

test('a listed model that models.list names is not served a second time, and nothing is said of it', () => {
  const served = servedModels({
    configured: [model('mine', 'farm', 'one')],
    routes: [],
    own: [],
    listed: [listed('farm', 'one', 'two'), listed('desk', 'one')],
  });
  expect(names(served.listed)).toEqual([
    ['two', 'farm'],
    ['one', 'desk'],
  ]);
  expect(served.leftOut).toEqual([]);
});
