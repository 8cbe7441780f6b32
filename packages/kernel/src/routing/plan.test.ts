import { LOCAL_PRINCIPAL } from '@golek/api';
import { describe, expect, it } from 'vitest';
import { plan } from '../index.ts';
import { registryOf, routedCall, viewOf } from './routing.fixture.ts';

const models = { a: {}, b: {}, c: {}, d: {} };
const names = (registry: ReturnType<typeof registryOf>, call = routedCall('r'), view = viewOf(registry)): string[] =>
  plan(call, registry, view).targets.map(({ model }) => model);

describe('a model by its own name', () => {
  const registry = registryOf({ a: { device: 'cpu' }, b: {} });

  it('is the only target', () => {
    expect(plan(routedCall('a'), registry, viewOf(registry))).toEqual({
      route: 'a',
      targets: [{ model: 'a', provider: 'fake' }],
      reasons: ["'a' is registered"],
    });
  });

  it('refuses hints that it cannot follow', () => {
    expect(names(registry, routedCall('a', { hints: { target: 'a', device: 'cpu', sticky: 'x' } }))).toEqual(['a']);
    expect(() => names(registry, routedCall('a', { hints: { target: 'b' } }))).toThrow(/'a' is a model and no route/);
    expect(() => names(registry, routedCall('a', { hints: { device: 'gpu' } }))).toThrow(
      /asks for 'gpu', but model 'a' runs on 'cpu'/,
    );
    expect(() => names(registry, routedCall('b', { hints: { device: 'gpu' } }))).toThrow(
      /has no known device before it is loaded/,
    );
  });

  it('that is not there is an error with the nearest name, of models and routes', () => {
    const routed = registryOf({ a: {} }, [{ name: 'default', targets: [{ model: 'a' }] }]);
    expect(() => names(routed, routedCall('defualt'))).toThrow(
      "no model or alias named 'defualt'; did you mean 'default'?",
    );
  });
});

it('an alias is a route with one target', () => {
  const registry = registryOf(models);
  registry.alias('default', 'b');
  expect(plan(routedCall('default'), registry, viewOf(registry))).toMatchObject({
    route: 'default',
    strategy: 'priority',
    targets: [{ model: 'b', provider: 'fake' }],
    reasons: ["'default' leads to 'b'"],
  });
});

describe('what a target can do', () => {
  const registry = registryOf(
    {
      a: { options: ['input.text', 'maxTokens'], contextLength: 100, device: 'gpu' },
      b: { tasks: ['embed'] },
      c: { contextLength: 4096, device: 'cpu' },
      d: {},
    },
    [
      { name: 'r', targets: ['a', 'b', 'c', 'd'].map((model) => ({ model })) },
      { name: 'gone', targets: [{ model: 'x' }, { model: 'y' }] },
      { name: 'abx', targets: [{ model: 'a' }, { model: 'b' }, { model: 'x' }] },
    ],
  );

  it.each<[string, object, string[]]>([
    ['task', {}, ['a', 'c', 'd']],
    ['options', { logprobs: { top: 1 } }, ['c', 'd']],
    ['the limit of the answer against the context', { maxTokens: 101 }, ['c', 'd']],
    [
      'a prompt of tokens against the context',
      { maxTokens: 60, input: { type: 'text', prompt: Array(41).fill(1) } },
      ['c', 'd'],
    ],
    ['what is not known is not held against it', { maxTokens: 5000 }, ['d']],
  ])('%s', (_, request, expected) => {
    expect(names(registry, routedCall('r', { request }))).toEqual(expected);
  });

  it('device: one that is not known does not count as the right one', () => {
    expect(names(registry, routedCall('r', { hints: { device: 'gpu' } }))).toEqual(['a']);
    expect(() => names(registry, routedCall('r', { hints: { device: 'remote' } }))).toThrow(
      "'a' runs on 'gpu', and the caller asks for 'remote'; 'b' cannot 'generate' (it can: embed); 'c' runs on 'cpu', and the caller asks for 'remote'; 'd' its device is not known before it is loaded, and the caller asks for 'remote'",
    );
  });

  it('an open session knows better than the manifest', () => {
    const view = viewOf(registry, {
      capabilities: (model) =>
        model === 'd' ? { tasks: ['generate'], options: ['input.text'], contextLength: 50, parallel: 1 } : undefined,
    });
    expect(names(registry, routedCall('r', { request: { maxTokens: 200 } }), view)).toEqual(['c']);
  });

  it('when nothing is left the error says why of each', () => {
    const attempt = () => names(registry, routedCall('abx', { request: { logprobs: { top: 0 }, maxTokens: 5 } }));
    expect(attempt).toThrow(
      expect.objectContaining({
        code: 'unsupported',
        message:
          "no target of the route 'abx' can answer: 'a' does not support 'logprobs'; 'b' cannot 'generate' (it can: embed); 'x' is not registered",
        details: { route: 'abx', targets: expect.objectContaining({ x: 'is not registered' }) },
      }),
    );
    expect(() => names(registry, routedCall('gone'))).toThrow(expect.objectContaining({ code: 'model_not_found' }));
  });

  it('reasons name who was left out', () => {
    expect(plan(routedCall('r'), registry, viewOf(registry)).reasons).toEqual([
      "priority: 'a' is first with the priority 0",
      "'b' was left out: it cannot 'generate' (it can: embed)",
    ]);
  });
});

describe('fallbacks', () => {
  const registry = registryOf(models, [
    { name: 'r', targets: [{ model: 'a' }], fallback: ['s', 'b', 'missing'] },
    { name: 's', targets: [{ model: 'c' }, { model: 'a' }], fallback: ['t'] },
    { name: 't', targets: [{ model: 'd' }], canary: { target: 'b', percent: 100 } },
  ]);

  it('follow the targets, along the chain, each model once; the canary of a fallback takes no part', () => {
    expect(names(registry)).toEqual(['a', 'c', 'd', 'b']);
  });

  it('a target that is spared goes behind all others', () => {
    const blocked = (model: string) => (model === 'a' ? 'its breaker is open for another 3 s' : undefined);
    const { targets, reasons } = plan(routedCall('r'), registry, viewOf(registry, { blocked }));
    expect(targets.map(({ model }) => model)).toEqual(['c', 'd', 'b', 'a']);
    expect(reasons).toContain("'a' goes last: its breaker is open for another 3 s");
  });

  it('a choice of the caller has none', () => {
    expect(names(registry, routedCall('s', { hints: { target: 'a' } }))).toEqual(['a']);
    expect(names(registry, routedCall('t', { hints: { target: 'b' } }))).toEqual(['b']);
    expect(() => names(registry, routedCall('s', { hints: { target: 'b' } }))).toThrow(
      "route 's' has no target 'b'; choose one of: c, a",
    );
  });
});

it('a principal may use the names that it has, and what is behind them', () => {
  const registry = registryOf(models, [{ name: 'r', targets: [{ model: 'a' }] }]);
  const principal = { ...LOCAL_PRINCIPAL, id: 'key-1', models: ['r', 'b'] };
  expect(names(registry, routedCall('r', { principal }))).toEqual(['a']);
  expect(names(registry, routedCall('b', { principal }))).toEqual(['b']);
  for (const model of ['a', 'nothing']) {
    expect(() => names(registry, routedCall(model, { principal }))).toThrow(
      expect.objectContaining({
        code: 'permission_denied',
        message: `'key-1' may not use the model '${model}'; it may use: r, b`,
      }),
    );
  }
});
