import { expect, test } from 'vitest';
import { chooseThreads } from '@golek/providers-spi/machine';
import { checkProviderOptions, contextSizeFor, resolveOptions } from './options.ts';
import { failure } from './tiny-model.fixture.ts';

test('a model overrides its provider, the provider the defaults', () => {
  expect(resolveOptions({ threads: 2, parallel: 8 }, 'm', { parallel: 1, flashAttention: true })).toMatchObject({
    contextSize: undefined,
    parallel: 1,
    batchSize: 512,
    threads: 2,
    gpuLayers: 'auto',
    flashAttention: true,
    kvCacheType: 'f16',
    mmap: 'auto',
    mlock: false,
    swaFullCache: false,
    queueLimit: 256,
    prefixSharing: 'tenant',
    prefixCacheBytes: 2 ** 30,
    contextOverflow: 'error',
  });
  expect(resolveOptions({}, 'm').threads).toBe(chooseThreads().threads);
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
  ["'kvCacheType' must be one of f32, f16, bf16, q8_0", { kvCacheType: 'q9' }],
  ["'kvCacheType' must be one of f32", { kvCacheType: 'q8_0/f16/f16' }],
  ["'mmap' must be one of", { mmap: 'on' }],
  ['\'prefixSharing\' must be one of "tenant", "all" (got "none")', { prefixSharing: 'none' }],
  ["'prefixCacheBytes' must be an integer from 0", { prefixCacheBytes: -1 }],
  ['\'contextOverflow\' must be one of "error", "shift"', { contextOverflow: 'cut' }],
  ["'keepTokens' must be an integer from 0", { keepTokens: 0.5 }],
  ["'mlock' must be one of true, false (got 1)", { mlock: 1 }],
  ["'swaFullCache' must be one of true, false", { swaFullCache: 'x' }],
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
  const relative = () => checkProviderOptions({ prefixCacheDir: 'cache' });
  expect((await failure(relative, 'config_invalid')).message).toContain("'prefixCacheDir' must be an absolute path");
});
