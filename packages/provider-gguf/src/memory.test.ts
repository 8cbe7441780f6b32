import { expect, test } from 'vitest';
import { requireMemory } from './memory.ts';
import { failure } from './tiny-model.fixture.ts';

const GiB = 2 ** 30;

test('too much is refused with both numbers', async () => {
  const need = { weights: 3 * GiB, adapters: 0, context: GiB, engine: GiB };
  expect(() => requireMemory('m', need, { available: 5 * GiB, limit: Infinity })).not.toThrow();
  const error = await failure(
    () => requireMemory('m', need, { available: 3 * GiB, limit: Infinity }),
    'insufficient_memory',
  );
  expect(error.message).toContain('5.0 GiB');
  expect(error.message).toContain('3.0 GiB');
  expect(error.message).not.toContain('adapters');
  expect(error.details).toEqual({ model: 'm', requiredBytes: 5 * GiB, availableBytes: 3 * GiB });
});

test('what the owner of the provider leaves counts too', async () => {
  const need = { weights: 2 * GiB, adapters: GiB, context: GiB, engine: GiB };
  const room = { available: 100 * GiB, limit: 4 * GiB };
  const error = await failure(() => requireMemory('m', need, room), 'insufficient_memory');
  expect(error.message).toContain('4.0 GiB are left of the memory for models');
  expect(error.message).toContain('(weights 2.0 GiB, adapters 1.0 GiB, context 1.0 GiB, engine 1.0 GiB)');
  expect(error.details).toMatchObject({ requiredBytes: 5 * GiB, availableBytes: 4 * GiB });
  const none = await failure(() => requireMemory('m', need, { ...room, limit: -GiB }), 'insufficient_memory');
  expect(none.details).toMatchObject({ availableBytes: 0 });
});
