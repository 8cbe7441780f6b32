import {
  ModelRoute,
  type GenerateRequest,
  type InferenceEvent,
  type LifecycleEvent,
  type ModelRouteInput,
} from '@golek/api';
import { createCall } from '@golek/kernel';
import { fakeProvider, type FakeModel } from '@golek/providers-spi/testing';
import { expect, onTestFinished, test } from 'vitest';
import { ENGINE, EVENTS, kernelModule, MODELS, PROVIDERS, TARGET_STATS } from './kernel-module.ts';
import { createSystem } from './system.ts';

/** A composed kernel over fake models with one route `r`. */
const start = async (models: Readonly<Record<string, FakeModel>>, route: Omit<ModelRouteInput, 'name'>) => {
  const provider = fakeProvider({ models });
  const system = createSystem({
    modules: [
      kernelModule({ limits: { maxTools: 8, maxInputs: 8 } }),
      {
        name: 'fake',
        register: (registrar) => registrar.contribute({ to: PROVIDERS, name: 'fake', create: () => provider }),
      },
    ],
  });
  onTestFinished(() => system.stop());
  await system.start();
  const registry = system.get(MODELS);
  const { signal } = new AbortController();
  for (const name of Object.keys(models)) {
    const source = { name, location: name };
    registry.register({ source, manifest: await provider.inspect(source, { signal }) });
  }
  registry.routes.set(ModelRoute.parse({ name: 'r', ...route }));
  const run = (model = 'r', until: AbortSignal = signal): AsyncIterableIterator<InferenceEvent, undefined> => {
    const request: GenerateRequest = { task: 'generate', model, input: { type: 'text', prompt: 'hi' } };
    return system.get(ENGINE).run(createCall({ request, signal: until }));
  };
  /** The model that answers, after its whole answer. */
  const ask = async (model?: string): Promise<string> => {
    let answering = '';
    for await (const event of run(model)) if (event.type === 'start') answering = event.model;
    return answering;
  };
  return { system, registry, stats: system.get(TARGET_STATS), run, ask };
};

test('least-loaded sees the requests in progress: with one target held, others go to the idle one', async () => {
  const hanging: FakeModel = { hang: { at: 1 } };
  const { run, ask, stats } = await start(
    { busy: hanging, idle: {} },
    { strategy: 'least-loaded', targets: [{ model: 'busy' }, { model: 'idle' }] },
  );
  const ending = new AbortController();
  const held = Array.from({ length: 3 }, () => run('busy', ending.signal));
  await Promise.all(held.map((events) => events.next()));
  await ask('idle');
  expect(stats.of('busy')).toMatchObject({ inFlight: 3, capacity: 1024 });
  for (let i = 0; i < 20; i++) expect(await ask()).toBe('idle');
  ending.abort();
  await Promise.allSettled(held.map((events) => Array.fromAsync(events)));
  expect(stats.of('busy')).toMatchObject({ inFlight: 0, errorRate: 0 });
});

test('lowest-latency finds out who is fast, and leaves the slow one alone', async () => {
  const { ask, stats } = await start(
    { slow: { delayMs: 60 }, fast: {} },
    { strategy: 'lowest-latency', targets: [{ model: 'slow' }, { model: 'fast' }] },
  );
  // What loads a model has no latency to tell, so each is tried twice.
  const answered: string[] = [];
  for (let i = 0; i < 24; i++) answered.push(await ask());
  expect(answered.filter((model) => model === 'slow').length).toBeLessThanOrEqual(3);
  expect(answered.slice(-10)).toEqual(Array<string>(10).fill('fast'));
  expect(stats.of('slow')?.firstEventMs).toBeGreaterThan(stats.of('fast')?.firstEventMs ?? Infinity);
});

test('a slow canary is rolled back under load, without a failed request; its load does not count', async () => {
  const canary = { target: 'next', percent: 50, rollback: { minRequests: 5, maxLatencyRatio: 8 } };
  const { system, ask, registry } = await start(
    { now: { delayMs: 2 }, next: { delayMs: 100, load: { steps: 1, stepMs: 200 } } },
    { targets: [{ model: 'now' }], canary },
  );
  const told: LifecycleEvent[] = [];
  system.get(EVENTS).subscribe(({ event }) => told.push(event), ['canary.rolled-back']);
  const client = async (): Promise<void> => {
    while (told.length === 0) await ask();
  };
  await Promise.all(Array.from({ length: 4 }, client));
  expect(told).toMatchObject([
    { route: 'r', target: 'next', reason: expect.stringContaining('ms to the first event') },
  ]);
  expect(registry.routes.get('r')?.canaryShare).toBe(0);
  for (let i = 0; i < 5; i++) expect(await ask()).toBe('now');
});

test('what is known of a model is dropped with it', async () => {
  const { ask, stats, registry } = await start({ a: {}, b: {} }, { targets: [{ model: 'a' }, { model: 'b' }] });
  await ask();
  expect(stats.capabilities('a')?.tasks).toContain('generate');
  registry.unregister('a');
  expect(stats.of('a')).toBeUndefined();
  expect(await ask()).toBe('b');
});
