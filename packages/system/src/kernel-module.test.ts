import { collect, type GenerateRequest } from '@golek/api';
import { createCall } from '@golek/kernel';
import type { InterceptorContribution } from '@golek/plugins-api';
import { fakeProvider } from '@golek/providers-spi/testing';
import { expect, test } from 'vitest';
import { ENGINE, kernelModule, MODELS, PHASES, PROVIDERS, USAGE } from './kernel-module.ts';
import { createSystem } from './system.ts';
import type { SystemModule } from './system-module.ts';

const limits = { maxTools: 8, maxInputs: 8 };
const source = { name: 'm', location: 'fake' };
const request: GenerateRequest = {
  task: 'generate',
  model: 'm',
  input: { type: 'chat', messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello there' }] }] },
};

const withProvider: SystemModule = {
  name: 'fake',
  register: (registrar) => {
    registrar.contribute({ to: PROVIDERS, name: 'fake', create: () => fakeProvider() });
  },
};

const called: string[] = [];
const witness: InterceptorContribution = {
  phase: 'PRE_PROCESSING',
  name: 'witness',
  intercept: (next) => (call) => {
    called.push(call.request.model);
    return next(call);
  },
};
const withPhase: SystemModule = {
  name: 'witness',
  register: (registrar) => registrar.contribute({ to: PHASES, name: 'witness', create: () => witness }),
};

test('a composed kernel answers through a contributed provider and phase, and meters the usage', async () => {
  const lines: object[] = [];
  const write = (fields: object): void => void lines.push(fields);
  const log = { debug: () => undefined, info: write, warn: write, error: write };
  await using system = createSystem({ log, modules: [kernelModule({ limits }), withPhase, withProvider] });
  await system.start();
  const [provider] = system.get(PROVIDERS);
  const { signal } = new AbortController();
  if (!provider) throw new Error('no provider');
  system.get(MODELS).register({ source, manifest: await provider.inspect(source, { signal }) });
  const result = await collect(system.get(ENGINE).run(createCall({ request, signal })));
  expect(result.choices[0]?.text).not.toBe('');
  expect(called).toEqual(['m']);
  expect(system.get(USAGE).totals()['m']).toMatchObject({
    completed: 1,
    completionTokens: result.usage?.completionTokens,
  });
  expect(lines).toContainEqual(expect.objectContaining({ model: 'm', outcome: 'completed' }));
});

test('after stop the engine refuses calls', async () => {
  const system = createSystem({ modules: [kernelModule({ limits }), withProvider] });
  await system.start();
  const engine = system.get(ENGINE);
  await system.stop();
  const { signal } = new AbortController();
  await expect(collect(engine.run(createCall({ request, signal })))).rejects.toMatchObject({ code: 'shutting_down' });
});

test('two providers of one id do not fit together', async () => {
  const system = createSystem({
    modules: [kernelModule({ limits }), withProvider, { ...withProvider, name: 'twin' }],
  });
  await expect(system.start()).rejects.toThrow("two providers have the id 'fake'");
});
