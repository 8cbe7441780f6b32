import type { SpanData } from '@golek/api';
import { MetricRegistry, Tracing } from '@golek/kernel';
import { expect, test } from 'vitest';
import { SocketTelemetry } from './socket-telemetry.ts';
import { serveSockets, TestClient } from './websocket.fixture.ts';

const traceId = 'a'.repeat(32);
const parent = 'b'.repeat(16);

test('each request is a span under the trace that its message names, the inference below it; open sockets are counted', async () => {
  const spans: SpanData[] = [];
  const tracing = new Tracing({ sampleRatio: 0, followParent: true, contentLength: 0 });
  tracing.sink = (span) => void spans.push(span);
  const metrics = new MetricRegistry();
  const socketTelemetry = new SocketTelemetry(tracing, metrics);
  const { url } = await serveSockets(
    { tiny: { fail: { at: 1, when: 'bad', code: 'engine_crashed', message: 'gone' } } },
    {},
    { socketTelemetry },
  );
  const open = () => metrics.collect().find(({ name }) => name === 'golek.websocket.sockets')?.points[0];
  const client = await TestClient.open(url, { headers: { 'user-agent': 'test/1' } });
  expect(open()).toMatchObject({ value: 1 });
  const headers = { traceparent: `00-${traceId}-${parent}-01`, 'x-request-id': 'r1' };
  client.chat('a', {}, { headers });
  await client.end('a');
  client.chat('b', { messages: [{ role: 'user', content: 'bad' }] }, { headers: { ...headers, 'x-request-id': 'r2' } });
  await client.end('b');
  // Not recorded: the ratio is 0 and no trace is named.
  client.chat('c');
  await client.end('c');
  client.ws.close();
  await client.closed;
  await expect.poll(open).toMatchObject({ value: 0 });

  const servers = spans.filter(({ kind }) => kind === 'server');
  expect(servers).toMatchObject([
    {
      name: 'websocket chat',
      traceId,
      parentSpanId: parent,
      attributes: {
        'golek.request.id': 'r1',
        'golek.request.protocol': 'websocket',
        'client.address': '127.0.0.1',
        'user_agent.original': 'test/1',
      },
    },
    {
      name: 'websocket chat',
      traceId,
      attributes: { 'golek.request.id': 'r2' },
      error: { type: 'engine_crashed', message: 'gone' },
    },
  ]);
  expect(servers[0]).not.toHaveProperty('error');
  expect(spans.find(({ name }) => name === 'chat tiny')).toMatchObject({ traceId, parentSpanId: servers[0]?.spanId });
});
