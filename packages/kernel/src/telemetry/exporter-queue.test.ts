import { expect, test, vi } from 'vitest';
import { SILENT_LOG, type SpanData } from '@golek/api';
import type { TelemetryExporter } from '@golek/plugins-api';
import { ExporterQueue } from './exporter-queue.ts';
import { MetricRegistry } from './metric-registry.ts';
import { TelemetryPipeline } from './telemetry-pipeline.ts';
import { Tracing } from './tracing.ts';

const span = (name: string): SpanData => ({
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  name,
  kind: 'internal',
  startTime: 0,
  endTime: 1,
  attributes: {},
});
const LIMITS = { maxQueue: 10, maxBatch: 4, delayMs: 20, limitMs: 60 };
const never = (): Promise<void> => new Promise(() => undefined);

test('spans go in batches, one at a time', async () => {
  const batches: number[] = [];
  let open = 0;
  const queue = new ExporterQueue(
    {
      name: 'e',
      exportSpans: async (spans) => {
        expect(++open).toBe(1);
        batches.push(spans.length);
        await new Promise((resolve) => setTimeout(resolve, 1));
        open--;
      },
    },
    { ...LIMITS, limitMs: 10_000 },
    SILENT_LOG,
  );
  for (let i = 0; i < 9; i++) queue.push(span(`s${i}`));
  await queue.close(10_000);
  expect(batches.reduce((sum, size) => sum + size, 0)).toBe(9);
  expect(Math.max(...batches)).toBe(4);
  expect(queue.counts).toEqual({ exported: 9, failed: 0, dropped: 0, metricsFailed: 0 });
});

test('an exporter that never answers costs its batch, then the queue fills up; nothing waits for it', async () => {
  const queue = new ExporterQueue({ name: 'e', exportSpans: never }, LIMITS, SILENT_LOG);
  for (let i = 0; i < 100; i++) queue.push(span(`s${i}`));
  expect(queue.counts.dropped).toBe(86);
  await vi.waitFor(() => expect(queue.counts.failed).toBeGreaterThanOrEqual(4), { timeout: 10_000 });
  const before = performance.now();
  await queue.close(50);
  expect(performance.now() - before).toBeLessThan(5_000);
  const { exported, failed, dropped } = queue.counts;
  expect([exported, failed + dropped]).toEqual([0, 100]);
});

test('a failing exporter is logged once, and once when it works again', async () => {
  const lines: string[] = [];
  const say = (_fields: object, message: string): void => void lines.push(message);
  let broken = true;
  const exporter: TelemetryExporter = {
    name: 'e',
    exportSpans: () => {
      if (broken) throw new Error('refused');
    },
  };
  const queue = new ExporterQueue(exporter, LIMITS, { ...SILENT_LOG, warn: say, info: say });
  for (let i = 0; i < 4; i++) queue.push(span('s'));
  await vi.waitFor(() => expect(queue.counts.failed).toBe(4));
  for (let i = 0; i < 4; i++) queue.push(span('s'));
  await vi.waitFor(() => expect(queue.counts.failed).toBe(8));
  broken = false;
  for (let i = 0; i < 4; i++) queue.push(span('s'));
  await queue.close(10_000);
  expect(lines).toEqual(['telemetry cannot be exported', 'telemetry is exported again']);
});

test('nothing is recorded without an exporter; one that goes gets what waits', async () => {
  const tracing = new Tracing({ sampleRatio: 1, followParent: true, contentLength: 0 });
  const registry = new MetricRegistry();
  const pipeline = new TelemetryPipeline({
    tracing,
    registry,
    log: SILENT_LOG,
    limits: { ...LIMITS, delayMs: 60_000 },
    metricsIntervalMs: 10,
    closeMs: 5_000,
  });
  const begin = () => tracing.begin(undefined, () => ({ name: 'root' })).span;
  expect(begin()).toBeUndefined();

  const got: string[] = [];
  let readings = 0;
  const spans: TelemetryExporter = {
    name: 'spans',
    exportSpans: (batch) => void got.push(...batch.map(({ name }) => name)),
  };
  const metrics: TelemetryExporter = { name: 'metrics', exportMetrics: (all) => void (readings += all.length) };
  await pipeline.apply([metrics]);
  expect(begin()).toBeUndefined();
  await pipeline.apply([spans, metrics]);
  begin()?.end();
  expect(got).toEqual([]);
  await vi.waitFor(() => expect(readings).toBeGreaterThan(0));
  await pipeline.apply([metrics]);
  expect(got).toEqual(['root']);
  expect(begin()).toBeUndefined();
  expect(() => pipeline.check([spans, { name: 'spans' }])).toThrow("two telemetry exporters are named 'spans'");

  const sunk: string[] = [];
  const attached = pipeline.attach(({ name }) => void sunk.push(name));
  begin()?.end();
  attached[Symbol.dispose]();
  expect(begin()).toBeUndefined();
  expect(sunk).toEqual(['root']);
  await pipeline[Symbol.asyncDispose]();
});
