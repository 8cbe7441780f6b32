import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { checkProviderOptions, contextSizeFor, resolveOptions } from './options.ts';
import { failure } from './tiny-model.fixture.ts';

test('a model overrides its provider, the provider the defaults', () => {
  expect(resolveOptions({ threads: 2, parallel: 8 }, 'm', { parallel: 1, flashAttention: true })).toEqual({
    contextSize: undefined,
    parallel: 1,
    batchSize: 512,
    threads: 2,
    gpuLayers: 'auto',
    flashAttention: true,
    queueLimit: 256,
  });
  expect(resolveOptions({}, 'm').threads).toBe(Math.max(1, availableParallelism() - 1));
});

test('the context is what was asked for, else what the model was trained for, at most 4096', () => {
  const of = (contextSize: number | undefined, trained: number | undefined): number =>
    contextSizeFor(resolveOptions({}, 'm', contextSize === undefined ? {} : { contextSize }), trained);
  expect([of(100, 2048), of(undefined, 1024), of(undefined, 131_072), of(undefined, undefined)]).toEqual([
    100, 1024, 4096, 4096,
  ]);
});

test.each<[string, Record<string, unknown>]>([
  ["unknown key 'treads'; did you mean 'threads'?", { treads: 1 }],
  ["unknown key 'zzzzzzzzz'; known are", { zzzzzzzzz: 1 }],
  ["'threads' must be an integer from 1 to 1024 (got 0)", { threads: 0 }],
  ["'contextSize' must be an integer from 16 to 10000000 (got 4.5)", { contextSize: 4.5 }],
  ["'gpuLayers' must be 'auto' or 'max' or an integer from 0 to 10000 (got \"all\")", { gpuLayers: 'all' }],
  ['\'flashAttention\' must be one of "auto", true, false (got "on")', { flashAttention: 'on' }],
])('%s', async (message, options) => {
  const provider = await failure(() => checkProviderOptions(options), 'config_invalid');
  expect(provider.message).toContain(`options of the GGUF provider: ${message}`);
  const model = await failure(() => resolveOptions({}, 'm', options), 'config_invalid');
  expect(model.message).toContain("options of the model 'm'");
  expect(model.details).toEqual({ key: Object.keys(options)[0] });
});

test('options of the provider alone are unknown to a model', async () => {
  expect((await failure(() => resolveOptions({}, 'm', { gpu: false } as never), 'config_invalid')).message).toContain(
    "unknown key 'gpu'",
  );
  expect(() => checkProviderOptions({ gpu: false, id: 'x' })).not.toThrow();
});
