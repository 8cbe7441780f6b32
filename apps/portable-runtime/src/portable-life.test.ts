import { fakeProvider } from '@golek/providers-spi/testing';
import { expect, test } from 'vitest';
import { createPortableRuntime, type PortableLife } from './index.ts';
import { parseLife } from './portable-life.ts';

const of = (life: PortableLife) => {
  const models = Object.fromEntries(['a', 'b', 'c'].map((name) => [name, { location: name, provider: 'fake' }]));
  const provider = fakeProvider({ models: { a: {}, b: {}, c: {} } });
  return createPortableRuntime({ models, providers: [provider], life });
};

test('models make room for each other, and pinned ones stay', async () => {
  await using golek = await of({ maxLoaded: 2, pinned: ['a'] });
  for (const model of ['a', 'b', 'c']) await golek.chat('hi', { model }).result();
  expect(['a', 'b', 'c'].map((model) => golek.status(model).state)).toEqual(['ready', 'unloaded', 'ready']);
  expect(golek.status('a').pinned).toBe(true);
});

test('a model is loaded ahead, and goes when its time is over', async () => {
  await using golek = await of({ keepAlive: '50ms' });
  await golek.load('a');
  expect(golek.status('a').state).toBe('ready');
  await expect.poll(() => golek.status('a').state).toBe('unloaded');
  await expect(golek.load('d')).rejects.toMatchObject({ code: 'model_not_found' });
});

test('mistakes are told', () => {
  expect(() => parseLife({ keepalive: 1 } as never)).toThrow("unknown key 'keepalive'; did you mean 'keepAlive'?");
  expect(() => parseLife({ keepAlive: 'soon' })).toThrow("'keepAlive' must be a duration");
  expect(() => parseLife({ maxLoaded: 0 })).toThrow("'maxLoaded' must be an integer of at least 1 (got 0)");
  expect(parseLife().memoryBytes).toBe(Infinity);
});
