import { expect, test } from 'vitest';
import { MetricRegistry } from './metric-registry.ts';
import { expositionFormat, prometheusText } from './prometheus-text.ts';

const metrics = () => {
  const registry = new MetricRegistry();
  registry
    .counter({
      name: 'golek.tokens.prompt',
      description: 'A "quoted"\nline.',
      unit: '{token}',
      labels: ['gen_ai.request.model'],
    })
    .with('a\\"b\nc')
    .add(3);
  registry
    .histogram({ name: 'golek.wait.duration', description: 'W.', unit: 's', bounds: [0.5, 1] })
    .with()
    .record(0.7);
  registry.gauge({ name: 'golek.memory', description: 'M.', unit: 'By' }).with().set(5);
  return registry.collect().filter(({ name }) => name !== 'golek.metrics.overflows');
};

test('text format: suffixes by kind and unit, short labels, escapes, buckets that add up', () => {
  expect(prometheusText(metrics(), 'text')).toBe(
    [
      '# TYPE golek_memory_bytes gauge',
      '# HELP golek_memory_bytes M.',
      'golek_memory_bytes 5',
      '# TYPE golek_tokens_prompt_total counter',
      '# HELP golek_tokens_prompt_total A "quoted"\\nline.',
      'golek_tokens_prompt_total{model="a\\\\\\"b\\nc"} 3',
      '# TYPE golek_wait_duration_seconds histogram',
      '# HELP golek_wait_duration_seconds W.',
      'golek_wait_duration_seconds_bucket{le="0.5"} 0',
      'golek_wait_duration_seconds_bucket{le="1"} 1',
      'golek_wait_duration_seconds_bucket{le="+Inf"} 1',
      'golek_wait_duration_seconds_sum 0.7',
      'golek_wait_duration_seconds_count 1',
      '',
    ].join('\n'),
  );
});

test('OpenMetrics: counters without suffix in their type, units, float bounds, an end', () => {
  const text = prometheusText(metrics(), 'openmetrics');
  expect(text).toContain('# TYPE golek_tokens_prompt counter\n');
  expect(text).toContain('golek_tokens_prompt_total{model=');
  expect(text).toContain('# UNIT golek_wait_duration_seconds seconds\n');
  expect(text).toContain('le="1.0"');
  expect(text).toContain('A \\"quoted\\"\\nline.');
  expect(text.endsWith('# EOF\n')).toBe(true);
});

test.each([
  [undefined, 'text'],
  ['*/*', 'text'],
  ['text/plain', 'text'],
  [
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'openmetrics',
  ],
  ['text/plain;version=0.0.4,application/openmetrics-text;q=0.2', 'text'],
  ['application/openmetrics-text;q=0', 'text'],
])('accept %s gets %s', (accept, format) => {
  expect(expositionFormat(accept)).toBe(format);
});
