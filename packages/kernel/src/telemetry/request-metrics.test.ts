import { expect, test } from 'vitest';
import { callOf, chatOf, eventsOf, kernelOf } from '../kernel.fixture.ts';
import { attemptMetrics } from './attempt-metrics.ts';
import { MetricRegistry } from './metric-registry.ts';
import { metricsPhase } from './request-metrics.ts';

const measured = async () => {
  const registry = new MetricRegistry();
  const kernel = await kernelOf(
    { hello: { answer: ['a ', 'b ', 'c'] }, broken: { fail: { at: 1, code: 'provider_failed', message: 'no' } } },
    [metricsPhase(registry)],
    { observers: [attemptMetrics(registry)] },
  );
  const points = (name: string) => registry.collect().find((metric) => metric.name === name)?.points ?? [];
  return { ...kernel, points };
};

const MODEL = { 'gen_ai.request.model': 'hello', 'gen_ai.provider.name': 'fake', 'gen_ai.operation.name': 'chat' };

test('answers are counted by model, with times and tokens', async () => {
  const { engine, points } = await measured();
  for (let i = 0; i < 3; i++) await eventsOf(engine.run(callOf(chatOf('hello'))));
  expect(points('golek.requests')).toContainEqual({ attributes: { ...MODEL, 'golek.outcome': 'completed' }, value: 3 });
  expect(points('gen_ai.server.time_to_first_token')[0]).toMatchObject({ attributes: MODEL, histogram: { count: 3 } });
  expect(points('gen_ai.server.request.duration')[0]?.histogram?.count).toBe(3);
  expect(points('golek.request.inter_token.duration')[0]?.histogram?.count).toBe(6);
  expect(points('gen_ai.server.time_per_output_token')[0]?.histogram?.count).toBe(3);
  expect(points('golek.tokens.completion')[0]?.value).toBe(9);
  expect(points('golek.requests.active')[0]?.value).toBe(0);
  expect(points('golek.attempts')).toContainEqual({
    attributes: { 'gen_ai.request.model': 'hello', 'gen_ai.provider.name': 'fake', 'golek.outcome': 'answered' },
    value: 3,
  });
});

test('failures are counted by code; names that clients invent are no labels', async () => {
  const { engine, points } = await measured();
  for (let i = 0; i < 200; i++) {
    await expect(eventsOf(engine.run(callOf(chatOf(`invented-${i}`))))).rejects.toMatchObject({
      code: 'model_not_found',
    });
  }
  expect(points('golek.requests')).toEqual([
    {
      attributes: { 'gen_ai.operation.name': 'chat', 'golek.outcome': 'failed', 'error.type': 'model_not_found' },
      value: 200,
    },
  ]);
  await expect(eventsOf(engine.run(callOf(chatOf('broken'))))).rejects.toMatchObject({ code: 'provider_failed' });
  const failed = points('golek.requests').find(
    ({ attributes }) => attributes['gen_ai.request.model'] === 'broken' && attributes['error.type'],
  );
  expect(failed).toMatchObject({
    attributes: { 'error.type': 'provider_failed', 'golek.outcome': 'failed' },
    value: 1,
  });
});

test('a consumer that leaves is counted as one', async () => {
  const { engine, points } = await measured();
  for await (const event of engine.run(callOf(chatOf('hello')))) if (event.type === 'text') break;
  expect(points('golek.requests')).toContainEqual({ attributes: { ...MODEL, 'golek.outcome': 'abandoned' }, value: 1 });
  expect(points('golek.attempts.active')[0]?.value).toBe(0);
});
