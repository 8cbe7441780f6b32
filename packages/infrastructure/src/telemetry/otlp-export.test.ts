import { gunzipSync } from 'node:zlib';
import { SILENT_LOG, type Log, type SpanData } from '@golek/api';
import { MetricRegistry } from '@golek/kernel';
import { afterEach, expect, test } from 'vitest';
import { TestCollector } from './collector.fixture.ts';
import { OtlpExport, type OtlpOptions } from './otlp-export.ts';

const span = (index: number, error?: SpanData['error']): SpanData => ({
  traceId: 'a'.repeat(32),
  spanId: index.toString(16).padStart(16, '0'),
  ...(index > 1 && { parentSpanId: '0'.repeat(15) + '1' }),
  name: `span ${index}`,
  kind: index === 1 ? 'server' : 'internal',
  startTime: 1_700_000_000_000.25,
  endTime: 1_700_000_000_010.5,
  attributes: { 'http.route': '/x', count: index, list: ['a', 'b'] },
  events: [{ name: 'e', time: 1_700_000_000_001, attributes: { n: 1 } }],
  ...(error && { error }),
});

const open: { close(limitMs: number): Promise<void> }[] = [];
const collectors: TestCollector[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close(100);
  for (const each of collectors.splice(0)) await each[Symbol.asyncDispose]();
});

const collector = async (...args: Parameters<typeof TestCollector.start>): Promise<TestCollector> => {
  const started = await TestCollector.start(...args);
  collectors.push(started);
  return started;
};

const exporting = async (options: Partial<OtlpOptions> & Pick<OtlpOptions, 'endpoint'>): Promise<OtlpExport> => {
  const made = await OtlpExport.open({
    protocol: 'http/json',
    timeoutMs: 5_000,
    delayMs: 20,
    maxQueue: 100,
    metricsIntervalMs: 60_000,
    service: { name: 'golek', version: '1.2.3' },
    ...options,
  });
  open.push(made);
  return made;
};

test('spans arrive with their own ids, times, status and attributes, under the resource of the service', async () => {
  const to = await collector();
  const otlp = await exporting({ endpoint: `${to.endpoint}/`, headers: { authorization: 'Bearer x' } });
  otlp.onSpan(span(1));
  otlp.onSpan(span(2, { type: 'engine_crashed', message: 'gone' }));
  await otlp.close(10_000);
  const [batch] = to.json('/v1/traces') as [
    { resourceSpans: { resource: { attributes: unknown[] }; scopeSpans: { scope: object; spans: object[] }[] }[] },
  ];
  expect(to.received[0]?.headers.authorization).toBe('Bearer x');
  const [{ resource, scopeSpans }] = batch.resourceSpans as [(typeof batch.resourceSpans)[0]];
  expect(resource.attributes).toEqual(
    expect.arrayContaining([
      { key: 'service.name', value: { stringValue: 'golek' } },
      { key: 'service.version', value: { stringValue: '1.2.3' } },
    ]),
  );
  expect(scopeSpans[0]?.scope).toMatchObject({ name: 'golek', version: '1.2.3' });
  expect(scopeSpans[0]?.spans).toEqual([
    expect.objectContaining({
      traceId: 'a'.repeat(32),
      spanId: '0000000000000001',
      name: 'span 1',
      kind: 2,
      startTimeUnixNano: '1700000000000250000',
      endTimeUnixNano: '1700000000010500000',
      status: expect.objectContaining({ code: 0 }),
    }),
    expect.objectContaining({
      parentSpanId: '0000000000000001',
      kind: 1,
      status: { code: 2, message: 'gone' },
      events: [expect.objectContaining({ name: 'e', timeUnixNano: '1700000000001000000' })],
      attributes: expect.arrayContaining([
        { key: 'list', value: { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: 'b' }] } } },
      ]),
    }),
  ]);
  expect(otlp.counts).toEqual({ exported: 2, failed: 0, dropped: 0 });
});

test('metrics of every kind arrive', async () => {
  const to = await collector();
  const registry = new MetricRegistry();
  registry
    .counter({ name: 'c', description: 'C.', unit: '{x}', labels: ['model'] })
    .with('m')
    .add(3);
  registry.gauge({ name: 'g', description: 'G.', unit: '1' }).with().set(0.5);
  registry
    .histogram({ name: 'h', description: 'H.', unit: 's', bounds: [1, 2] })
    .with()
    .record(1.5);
  const otlp = await exporting({ endpoint: to.endpoint, collect: () => registry.collect() });
  await otlp.close(10_000);
  const [batch] = to.json('/v1/metrics') as [
    { resourceMetrics: { scopeMetrics: { metrics: { name: string }[] }[] }[] },
  ];
  const metrics = batch.resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
  expect(metrics.filter(({ name }) => name.length === 1)).toEqual([
    expect.objectContaining({
      name: 'c',
      description: 'C.',
      unit: '{x}',
      sum: expect.objectContaining({
        isMonotonic: true,
        aggregationTemporality: 2,
        dataPoints: [
          expect.objectContaining({ asDouble: 3, attributes: [{ key: 'model', value: { stringValue: 'm' } }] }),
        ],
      }),
    }),
    expect.objectContaining({ name: 'g', gauge: { dataPoints: [expect.objectContaining({ asDouble: 0.5 })] } }),
    expect.objectContaining({
      name: 'h',
      histogram: expect.objectContaining({
        dataPoints: [expect.objectContaining({ count: 1, sum: 1.5, bucketCounts: [0, 1, 0], explicitBounds: [1, 2] })],
      }),
    }),
  ]);
});

test('protobuf, compressed, is what the standard says', async () => {
  const to = await collector((response) => response.end());
  const otlp = await exporting({
    endpoint: to.endpoint,
    protocol: 'http/protobuf',
    compression: 'gzip',
  });
  otlp.onSpan(span(1));
  await otlp.close(10_000);
  const [{ path, headers, body }] = to.received as [(typeof to.received)[0]];
  expect([path, headers['content-type'], headers['content-encoding']]).toEqual([
    '/v1/traces',
    'application/x-protobuf',
    'gzip',
  ]);
  const message = gunzipSync(body);
  expect(message.includes(Buffer.from('a'.repeat(32), 'hex'))).toBe(true);
  expect(message.includes('span 1')).toBe(true);
  expect(otlp.counts.exported).toBe(1);
});

test('a collector that does not answer costs no more than the queue; the end does not wait for it', async () => {
  const to = await collector(() => undefined);
  const otlp = await exporting({ endpoint: to.endpoint, timeoutMs: 60_000 });
  for (let i = 1; i <= 1_000; i++) otlp.onSpan(span(i));
  expect(otlp.counts.dropped).toBe(900);
  const before = performance.now();
  await otlp.close(200);
  expect(performance.now() - before).toBeLessThan(10_000);
});

test('a collector that is not there is one line in the log, and its spans are counted', async () => {
  const gone = await TestCollector.start();
  const { endpoint } = gone;
  await gone[Symbol.asyncDispose]();
  const lines: string[] = [];
  const log: Log = { ...SILENT_LOG, warn: (_fields, message) => void lines.push(message) };
  const otlp = await exporting({ endpoint, timeoutMs: 300, log });
  for (let round = 0; round < 2; round++) {
    otlp.onSpan(span(1));
    await expect.poll(() => otlp.counts.failed, { timeout: 20_000 }).toBe(round + 1);
  }
  expect(lines).toEqual(['telemetry cannot be exported']);
});
