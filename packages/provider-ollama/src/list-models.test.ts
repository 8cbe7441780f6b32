import { expect, it } from 'vitest';
import { bench } from './upstream.fixture.ts';

const { signal } = new AbortController();

it('lists the models of the server by their names', async () => {
  const { provider } = await bench({}, { 'gemma3:4b': { kind: 'ok' }, 'nomic:latest': { kind: 'ok' } });
  expect(await provider.listModels?.(signal)).toEqual([{ location: 'gemma3:4b' }, { location: 'nomic:latest' }]);
});

it('a server that is away is an error', async () => {
  const { provider, upstream } = await bench();
  await upstream.refuse();
  await expect(provider.listModels?.(signal)).rejects.toMatchObject({ code: 'provider_failed' });
});
