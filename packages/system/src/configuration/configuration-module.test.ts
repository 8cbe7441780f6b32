import type { KeyValueStore } from '@golek/api';
import { MemoryKeyValueStore } from '@golek/core';
import { expect, test, vi } from 'vitest';
import { z } from 'zod';
import { EVENTS, EXTENSIONS, kernelModule } from '../kernel-module.ts';
import { createSystem } from '../system.ts';
import { boundedStore } from './bounded-store.ts';
import { configSection } from './config-section.ts';
import { CONFIGURATION_MANAGER, configurationModule } from './configuration-module.ts';

const limits = configSection(
  'limits',
  z.strictObject({
    low: z.int().min(0).max(100).default(1).meta({ live: true }),
    workers: z.int().default(4),
  }),
);

const { signal } = new AbortController();

const start = async (store: KeyValueStore) => {
  const system = createSystem({
    modules: [
      { name: 'limits', config: [limits], register: () => undefined },
      kernelModule({ limits: { maxTools: 1, maxInputs: 1 } }),
      configurationModule({ store }),
    ],
  });
  await system.start();
  const manager = system.get(CONFIGURATION_MANAGER);
  const change = (remove: KeyValueStore[], add: KeyValueStore[]): Promise<void> =>
    system.get(EXTENSIONS).change({ stores: { remove, add } });
  return { system, manager, change };
};

test("a plugin's store takes the place of the default one, live; the last one counts; without one the default is back", async () => {
  const own = new MemoryKeyValueStore('own');
  const { system, manager, change } = await start(own);
  await using running = system;
  const low = (): number => running.configuration.get(limits).low;
  await manager.set('limits.low', 2, { signal });

  const [first, second] = [new MemoryKeyValueStore('first'), new MemoryKeyValueStore('second')];
  await second.put('config/limits.low', 7, { signal });
  await change([], [first]);
  expect({ store: manager.store, low: low() }).toEqual({ store: 'first', low: 1 });
  await change([], [second]);
  expect({ store: manager.store, low: low() }).toEqual({ store: 'second', low: 7 });
  await manager.set('limits.low', 8, { signal });
  expect((await second.get('config/limits.low', signal))?.value).toBe(8);
  expect((await own.get('config/limits.low', signal))?.value).toBe(2);
  await own.put('config/limits.low', 99, { signal });
  await second.put('config/limits.low', 9, { signal });
  await vi.waitFor(() => expect(low()).toBe(9), 5000);
  await change([first, second], []);
  expect({ store: manager.store, low: low() }).toEqual({ store: 'own', low: 99 });
});

test('a store with values that are refused is not taken', async () => {
  const { system, manager, change } = await start(new MemoryKeyValueStore('own'));
  await using running = system;
  const refused: unknown[] = [];
  running.get(EVENTS).subscribe(({ event }) => refused.push(event), ['config.refused']);
  const broken = new MemoryKeyValueStore('broken');
  await broken.put('config/limits.low', 'x', { signal });
  await change([], [broken]);
  expect(manager.store).toBe('own');
  expect(refused).toEqual([
    {
      type: 'config.refused',
      source: 'store broken',
      problems: [expect.stringContaining("stored in broken: 'limits.low' must be an integer from 0 to 100, got 'x'")],
    },
  ]);
  await manager.set('limits.low', 3, { signal });
  expect(running.configuration.get(limits).low).toBe(3);
});

test('a store that hangs is left alone after a time', async () => {
  const hanging: KeyValueStore = Object.assign(new MemoryKeyValueStore('hanging'), {
    list: () => new Promise<never>(() => undefined),
  });
  const bounded = boundedStore(hanging, 20);
  await expect(bounded.list('', signal)).rejects.toMatchObject({
    code: 'deadline_exceeded',
    message: 'the store hanging did not read within 20 ms; look at it and try again',
  });
  await expect(bounded.list('', AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  expect((await bounded.put('a', 1, { signal })).value).toBe(1);
});
