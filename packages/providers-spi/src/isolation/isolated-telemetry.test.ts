import { afterEach, expect, it } from 'vitest';
import { CONTRACT_MODEL, generate } from '../fixtures/contract-model.ts';
import { IsolatedFake } from '../fixtures/isolated-fake.ts';
import type { Health, ModelSession, SpanData } from '../index.ts';
import { RunSpans } from './run-spans.ts';

const { signal } = new AbortController();
const { answer: _, ...model } = CONTRACT_MODEL;
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const traceparent = `00-${TRACE}-${SPAN}-01`;

const fakes: IsolatedFake[] = [];
afterEach(async () => {
  for (const fake of fakes.splice(0)) await fake[Symbol.asyncDispose]();
});

const opened = async (): Promise<{ fake: IsolatedFake; session: ModelSession; told: Health[] }> => {
  const fake = new IsolatedFake({ model });
  fakes.push(fake);
  const told: Health[] = [];
  const session = await fake.provider.open(
    { name: 'm', location: 'contract' },
    { signal, onHealth: (health) => void told.push(health) },
  );
  return { fake, session, told };
};

const crash = async ({ fake, session }: { fake: IsolatedFake; session: ModelSession }, spans: SpanData[]) => {
  const events = session.run(generate('long'), {
    id: 'r',
    signal,
    traceparent,
    onSpan: (span) => void spans.push(span),
  });
  const reader = events[Symbol.asyncIterator]();
  await reader.next();
  process.kill((await fake.engine()).pid, 'SIGKILL');
  const read = async (): Promise<void> => {
    while (!(await reader.next()).done);
  };
  await expect(read()).rejects.toMatchObject({ code: 'engine_crashed' });
};

it('a crash ends the spans of its runs with the error', async () => {
  const engine = await opened();
  const spans: SpanData[] = [];
  await crash(engine, spans);
  expect(spans).toEqual([
    expect.objectContaining({
      name: 'engine',
      traceId: TRACE,
      parentSpanId: SPAN,
      error: { type: 'engine_crashed', message: expect.stringContaining('SIGKILL') },
      attributes: { 'error.type': 'engine_crashed', 'process.pid': expect.any(Number) },
    }),
  ]);
});

it('the owner is told when the engine crashed and when it works again, and not of the end', async () => {
  const engine = await opened();
  expect(engine.told).toEqual([]);
  await crash(engine, []);
  await expect.poll(() => engine.told.map(({ status }) => status), { timeout: 20_000 }).toEqual(['degraded', 'ok']);
  expect(engine.told[0]?.reason).toContain('is being restarted');
  await engine.session[Symbol.asyncDispose]();
  expect(engine.told).toHaveLength(2);
});

it('what never comes is given up in order, and what nobody expects is dropped', () => {
  const spans = new RunSpans();
  const got: number[] = [];
  for (let run = 0; run < 1_100; run++) spans.expect(run, traceparent, () => void got.push(run));
  const span: SpanData = {
    traceId: TRACE,
    spanId: SPAN,
    name: 's',
    kind: 'internal',
    startTime: 0,
    endTime: 1,
    attributes: {},
  };
  spans.deliver(0, [span]);
  expect(got).toEqual([]);
  spans.deliver(1_099, [span, span]);
  spans.deliver(1_099, [span]);
  expect(got).toEqual([1_099, 1_099]);
});
