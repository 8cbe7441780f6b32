import { expect, it } from 'vitest';
import { bench } from './upstream.fixture.ts';

const { signal } = new AbortController();

it('lists the models of the service by their ids', async () => {
  const { provider } = await bench({}, { 'claude-a': { kind: 'ok' }, 'claude-b': { kind: 'ok' } });
  expect(await provider.listModels?.(signal)).toEqual([{ location: 'claude-a' }, { location: 'claude-b' }]);
});
