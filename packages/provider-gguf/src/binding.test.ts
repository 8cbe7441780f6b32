import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { LlamaContext, LlamaModel } from 'node-llama-cpp';
import {
  BINDING_VERSION,
  batchContext,
  checkBindingVersion,
  nativeVocabulary,
  samplerFactory,
  whyNoBatchCalls,
} from './binding.ts';
import { llamaProcess } from './llama-process.ts';
import { samplerSettings } from './sampling-config.ts';
import { ThreadCount } from './thread-count.ts';
import { failure, tinySource } from './tiny-model.fixture.ts';

test('the package depends on exactly the version whose private members are known', () => {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  expect(manifest.dependencies['node-llama-cpp']).toBe(BINDING_VERSION);
});

test('another version is refused with both versions', async () => {
  expect(() => checkBindingVersion(BINDING_VERSION)).not.toThrow();
  const error = await failure(() => checkBindingVersion('3.23.0'), 'model_load_failed');
  expect(error.details).toEqual({ installed: '3.23.0', needed: BINDING_VERSION });
});

test('missing members are named', async () => {
  const nothing = {} as unknown as LlamaModel;
  expect((await failure(() => nativeVocabulary(nothing), 'model_load_failed')).message).toContain('getTokenString');
  const model = {
    _model: { getTokenString: () => '', getTokenAttributes: () => 0, detokenize: () => '' },
    _llama: { _bindings: { AddonGrammar: () => undefined } },
  };
  expect((await failure(() => samplerFactory(model as unknown as LlamaModel), 'model_load_failed')).details).toEqual({
    missing: ['AddonSampler', 'AddonGrammarEvaluationState'],
  });
  const context = { _ctx: { initBatch: () => undefined } } as unknown as LlamaContext;
  expect(
    (
      await failure(
        () => batchContext(context, { contextSize: 1, onCpu: true, threads: new ThreadCount(1) }),
        'model_load_failed',
      )
    ).message,
  ).toContain('decodeBatch');
});

test('the batch calls are used with the installed binding, and not with another one', async () => {
  const { llama, version } = await llamaProcess(false);
  const model = await llama.loadModel({ modelPath: tinySource.location, gpuLayers: 0 });
  expect(whyNoBatchCalls(version, model)).toBeUndefined();
  expect(whyNoBatchCalls('3.23.0', model)).toContain('3.23.0');
  const { _model, _llama } = model as unknown as { _model: object; _llama: { _bindings: object } };
  const bindings = Object.assign(Object.create(_llama._bindings) as object, { AddonContext: { prototype: {} } });
  const changed = { _model, _llama: { _bindings: bindings } } as unknown as LlamaModel;
  expect(whyNoBatchCalls(version, changed)).toContain('addToBatch');
  await model.dispose();
});

test('a sampler whose draw was given up is freed when that has ended, and the context after it', async () => {
  const freed: string[] = [];
  const drawing = Promise.withResolvers<number>();
  const nothing = (): void => undefined;
  const calls = ['initBatch', 'addToBatch', 'decodeBatch', 'setThreads', 'setLoras', 'removeTokenCellsFromSequence'];
  const more = ['getSequenceKvCacheMinPosition', 'getSequenceKvCacheMaxPosition', 'shiftSequenceTokenCells'];
  const states = ['copySequenceStateFromOtherSequence', 'saveSequenceStateToFile', 'loadSequenceStateFromFile'];
  class AddonSampler {
    static readonly canBeNextTokenForGrammarEvaluationState = nothing;
    readonly applyConfig = nothing;
    readonly dispose = (): unknown => freed.push('sampler');
  }
  const model = {
    _model: { getTokenString: nothing, getTokenAttributes: nothing, detokenize: nothing },
    _llama: { _bindings: { AddonSampler, AddonGrammar: Object, AddonGrammarEvaluationState: Object } },
  };
  const native = Object.fromEntries([...calls, ...more, ...states].map((name) => [name, nothing]));
  const context = batchContext(
    {
      _ctx: { ...native, sampleToken: () => drawing.promise },
      model,
      dispose: () => Promise.resolve(freed.push('context')),
    } as unknown as LlamaContext,
    { contextSize: 16, onCpu: true, threads: new ThreadCount(1), grammarLimitMs: 1 },
  );
  const samplers = samplerFactory(model as unknown as LlamaModel);
  const sampler = samplers.create(samplerSettings({}, {}, 1, []), 'root ::= "a"', 16);
  await failure(context.sample(0, sampler), 'unsupported');
  samplers.dispose(sampler);
  const disposal = context.dispose();
  await new Promise(setImmediate);
  expect(freed).toEqual([]);
  drawing.resolve(1);
  await disposal;
  expect(freed).toEqual(['sampler', 'context']);
});
