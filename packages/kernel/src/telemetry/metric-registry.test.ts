import { expect, test } from 'vitest';
import { MetricRegistry } from './metric-registry.ts';

const one = (registry: MetricRegistry, name: string) => registry.collect().find((metric) => metric.name === name);

test('a flood of label values ends in one series, and is counted', () => {
  const registry = new MetricRegistry({ maxSeries: 100 });
  const requests = registry.counter({ name: 'r', description: 'R.', unit: '{request}', labels: ['model', 'code'] });
  for (let i = 0; i < 50_000; i++) requests.with(`m${i}`, 'ok').add();
  const points = one(registry, 'r')!.points;
  expect(points).toHaveLength(101);
  expect(points.at(-1)).toEqual({ attributes: { model: 'other', code: 'other' }, value: 49_900 });
  expect(points.reduce((sum, { value = 0 }) => sum + value, 0)).toBe(50_000);
  expect(one(registry, 'golek.metrics.overflows')!.points[0]!.value).toBe(49_900);
  requests.with('m0', 'ok').add();
  expect(one(registry, 'r')!.points[0]!.value).toBe(2);
});

test('a flood of observed values is cut', () => {
  const registry = new MetricRegistry({ maxSeries: 10 });
  const all = Array.from({ length: 500 }, (_, i) => ({ labels: [`m${i}`], value: i }));
  registry.observe({ name: 'o', description: 'O.', unit: '1', kind: 'gauge', labels: ['model'] }, () => all);
  expect(one(registry, 'o')!.points).toHaveLength(10);
  expect(one(registry, 'golek.metrics.overflows')!.points[0]!.value).toBe(490);
});

test('a series that is bound stays the same one; an empty label is left out', () => {
  const registry = new MetricRegistry();
  const family = registry.counter({ name: 'c', description: 'C.', unit: '{x}', labels: ['a', 'b'] });
  expect(family.with('1', '')).toBe(family.with('1', ''));
  family.with('1', '').add(3);
  expect(one(registry, 'c')!.points).toEqual([{ attributes: { a: '1' }, value: 3 }]);
});

test('a histogram counts each value in the bucket that holds it, bounds included', () => {
  const registry = new MetricRegistry();
  const series = registry.histogram({ name: 'h', description: 'H.', unit: 's', bounds: [1, 5] }).with();
  for (const value of [0.5, 1, 1.5, 5, 6, Number.NaN, Infinity]) series.record(value);
  expect(one(registry, 'h')).toMatchObject({
    kind: 'histogram',
    bounds: [1, 5],
    points: [{ histogram: { count: 5, sum: 14, counts: [2, 2, 1] } }],
  });
});

test('a name belongs to one part; what is disposed of frees it; what throws is left out', () => {
  const registry = new MetricRegistry();
  const options = { name: 'x', description: 'X.', unit: '1', kind: 'gauge' } as const;
  const observed = registry.observe(options, () => [{ value: 1 }]);
  expect(() => registry.gauge(options)).toThrow("two parts define the metric 'x'");
  observed[Symbol.dispose]();
  registry.observe(options, () => {
    throw new Error('gone');
  });
  expect(one(registry, 'x')).toBeUndefined();
});
