import { fakeProvider } from '@golek/providers-spi/testing';
import { expect, test } from 'vitest';
import { inspectModels } from './inspect-models.ts';

const { signal } = new AbortController();

test('gives what can be used and what cannot, in the order of the sources', async () => {
  const provider = fakeProvider({ models: { 'a.fake': {}, 'c.fake': {} } });
  const sources = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({ source: { name, location: `${name}.fake` } }));
  const { entries, failed } = await inspectModels(sources, [provider], signal);
  expect(entries.map(({ manifest }) => manifest.name)).toEqual(['a', 'c']);
  expect(failed.map(({ model, error }) => [model.source.name, error.code])).toEqual(
    ['b', 'd', 'e', 'f'].map((name) => [name, 'model_not_found']),
  );
});

test('asks the provider that opens the format of the file', async () => {
  const tasks = ['generate'] as const;
  const one = fakeProvider({ id: 'one', models: { 'm.one': {} }, capabilities: { tasks, formats: ['one'] } });
  const two = fakeProvider({ id: 'two', models: { 'm.TWO': {} }, capabilities: { tasks, formats: ['two'] } });
  const { entries } = await inspectModels([{ source: { name: 'm', location: 'm.TWO' } }], [one, two], signal);
  expect(entries.map(({ manifest }) => manifest.provider)).toEqual(['two']);
});

test('asks the provider that the model names, and says which there are where it is none of them', async () => {
  const one = fakeProvider({ id: 'one', models: { gpt: {} } });
  const two = fakeProvider({ id: 'two', models: { gpt: {} } });
  const source = { name: 'm', location: 'gpt' };
  const { entries, failed } = await inspectModels(
    [
      { source, provider: 'two' },
      { source: { ...source, name: 'n' }, provider: 'tow' },
    ],
    [one, two],
    signal,
  );
  expect(entries.map(({ manifest }) => [manifest.name, manifest.provider])).toEqual([['m', 'two']]);
  expect(failed[0]?.error.message).toBe("model 'n' names the provider 'tow', which there is not; did you mean 'two'?");
});

test('without a provider every model fails, and an aborted signal ends the inspection', async () => {
  const sources = [{ source: { name: 'm', location: 'm.gguf' } }];
  expect((await inspectModels(sources, [], signal)).failed[0]?.error.code).toBe('unsupported');
  await expect(inspectModels(sources, [fakeProvider()], AbortSignal.abort(new Error('enough')))).rejects.toThrow(
    'enough',
  );
});
