import { expect, test } from 'vitest';
import { listedModelsOf, upstreamsConfig } from '../config/upstreams-config.ts';
import { matchesPattern, selectListed } from './select-listed.ts';

const settingsOf = (models: unknown) => {
  const [upstream] = upstreamsConfig.schema.parse([{ id: 'farm', baseUrl: 'http://127.0.0.1:9/v1', models }]);
  const settings = upstream && listedModelsOf(upstream);
  if (!settings) throw new TypeError('no settings');
  return settings;
};

const select = (locations: readonly string[], models: unknown) =>
  selectListed(
    'farm',
    locations.map((location) => ({ location })),
    settingsOf(models),
  );

test.each([
  ['llama', 'llama', true],
  ['llama', 'llama-3', false],
  ['*', '', true],
  ['meta/*', 'meta/llama/3', true],
  ['*-3*b', 'llama-3-8b', true],
  ['a*a', 'a', false],
  ['*a*b*', 'xbxa', false],
  ['l.ama', 'llama', false],
])('pattern %j and name %j: %j', (pattern, name, matches) => {
  expect(matchesPattern(name, pattern)).toBe(matches);
});

test('all of a list, each once and in order', () => {
  const { models, leftOut } = select(['b', 'a', 'b'], 'all');
  expect(models).toEqual([
    { source: { name: 'a', location: 'a', options: {} }, provider: 'farm' },
    { source: { name: 'b', location: 'b', options: {} }, provider: 'farm' },
  ]);
  expect(leftOut).toEqual([]);
});

test('what is included and not excluded, with a prefix and options of its own before those of the list', () => {
  const settings = settingsOf({
    include: ['llama*', 'qwen'],
    exclude: ['*guard*'],
    prefix: 'farm/',
    options: { verify: true },
  });
  const listed = ['llama-3', 'llama-guard', 'qwen', 'gpt'].map((location) => ({
    location,
    options: { verify: false, tasks: ['embed'] },
  }));
  expect(selectListed('farm', listed, settings).models.map(({ source }) => source)).toEqual([
    { name: 'farm/llama-3', location: 'llama-3', options: { verify: true, tasks: ['embed'] } },
    { name: 'farm/qwen', location: 'qwen', options: { verify: true, tasks: ['embed'] } },
  ]);
});

test('models beyond the bound are left out, by their names and not by the order of the list', () => {
  const { models, leftOut } = select(['c', 'a', 'd', 'b'], { maxModels: 2 });
  expect(models.map(({ source }) => source.name)).toEqual(['a', 'b']);
  expect(leftOut).toEqual([
    {
      upstream: 'farm',
      model: '2 models',
      reason:
        "the upstream 'farm' lists 4 models, more than its 'models.maxModels' of 2; raise it, or choose with 'include' and 'exclude'",
    },
  ]);
});

test('a name that cannot be one here is left out', () => {
  const { models, leftOut } = select(['a\nb', 'c'.repeat(129), 'ok'], 'all');
  expect(models.map(({ source }) => source.name)).toEqual(['ok']);
  expect(leftOut.map(({ reason }) => reason)).toEqual([
    expect.stringContaining('up to 128 characters'),
    expect.stringContaining('up to 128 characters'),
  ]);
});
