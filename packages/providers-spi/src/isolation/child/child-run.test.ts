import { describe, expect, it } from 'vitest';
import { generate } from '../../fixtures/contract-model.ts';
import { GolekError, type InferenceEvent, type ModelSession, type RunContext } from '../../index.ts';
import type { EngineSetup, Report, RunEvents } from '../messages.ts';
import { ChildRun } from './child-run.ts';
import { Outbox } from './outbox.ts';

const SETUP: EngineSetup = {
  module: '',
  exportName: '',
  provider: 'fake',
  options: undefined,
  window: 4,
  maxMessageBytes: 2 ** 30,
};

type Make = (context: RunContext) => AsyncIterable<InferenceEvent>;

/** A session that is nothing but its runs. */
const sessionOf = (make: Make): ModelSession =>
  ({ run: (_request: unknown, context: RunContext) => make(context) }) as Partial<ModelSession> as ModelSession;

const bench = () => {
  const sent: (readonly RunEvents[])[] = [];
  const outbox = new Outbox((report: Report) => {
    // As the process border does: what cannot be cloned throws.
    if (report.type === 'events') sent.push(structuredClone(report.batch));
  });
  const begin = (id: number, make: Make): ChildRun => {
    const run = new ChildRun(id, SETUP, outbox);
    const command = {
      type: 'run',
      run: id,
      request: generate('x'),
      id: `r${id}`,
      traceparent: undefined,
      traced: false,
      tenant: undefined,
      priority: undefined,
      leftMs: undefined,
    } as const;
    void run.work(sessionOf(make), command);
    return run;
  };
  return { sent, begin };
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const text = (value: string): InferenceEvent => ({ type: 'text', choice: 0, text: value });

const counting = (event: InferenceEvent) => {
  const state = { made: 0, closed: false };
  const make: Make = async function* () {
    try {
      for (;;) {
        state.made++;
        yield event;
      }
    } finally {
      state.closed = true;
    }
  };
  return { state, make };
};

describe('runs in a child', () => {
  it('send what they all give in one step in one message', async () => {
    const { sent, begin } = bench();
    let step: (() => void)[] = [];
    const make: Make = async function* () {
      for (let i = 0; i < 3; i++) {
        await new Promise<void>((resolve) => step.push(resolve));
        // Some runs need more promise continuations than others for their event.
        for (let hop = 0; hop < (step.length % 5) * 3; hop++) await Promise.resolve();
        yield text(`${i}`);
      }
    };
    for (let id = 1; id <= 20; id++) begin(id, make);
    await turn();
    for (let i = 0; i < 3; i++) {
      const now = step;
      step = [];
      for (const resume of now) resume();
      await turn();
      expect(sent).toHaveLength(i + 1);
      expect(new Set(sent[i]?.map(({ run }) => run)).size).toBe(20);
      expect(sent[i]?.every(({ events }) => events.length === 1)).toBe(true);
    }
    expect(sent.at(-1)?.every(({ done }) => done)).toBe(true);
  });

  it('stop at the window and go on when the consumer gives credit', async () => {
    const { begin } = bench();
    const { state, make } = counting(text('x'));
    const run = begin(1, make);
    await turn();
    expect(state.made).toBe(4);
    run.grant(2);
    await turn();
    expect(state.made).toBe(6);
    run.stop(new GolekError('cancelled', 'enough'));
    await turn();
    expect(state).toEqual({ made: 6, closed: true });
  });

  it('stop after one event that is larger than the window', async () => {
    const { begin } = bench();
    const data = new Uint8Array(2 ** 20);
    const event: InferenceEvent = { type: 'tensor', tensor: { name: 't', type: 'UINT8', shape: [2 ** 20], data } };
    const { state, make } = counting(event);
    const run = begin(1, make);
    await turn();
    expect(state.made).toBe(1);
    run.grant(65);
    await turn();
    expect(state.made).toBe(2);
  });

  it('end with what the session throws, after the events before it', async () => {
    const { sent, begin } = bench();
    begin(1, async function* () {
      yield text('before');
      throw new GolekError('context_length_exceeded', 'too long', { details: { limit: 8 } });
    });
    await turn();
    expect(sent.flat()).toMatchObject([
      { run: 1, done: true, events: [text('before'), { type: 'error', error: { code: 'context_length_exceeded' } }] },
    ]);
  });

  it('end alone when their event cannot be cloned', async () => {
    const { sent, begin } = bench();
    const { state, make } = counting(text((() => 'a function') as unknown as string));
    begin(1, make);
    begin(2, async function* () {
      yield text('whole');
    });
    await turn();
    const byRun = (id: number): RunEvents[] => sent.flat().filter(({ run }) => run === id);
    expect(byRun(1)).toMatchObject([{ done: true, events: [{ type: 'error', error: { code: 'provider_failed' } }] }]);
    expect(byRun(2)).toEqual([{ run: 2, done: true, events: [text('whole')] }]);
    expect(state.closed).toBe(true);
  });

  it('send nothing more when they are stopped', async () => {
    const { sent, begin } = bench();
    const run = begin(1, async function* ({ signal }) {
      yield text('first');
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      yield text('late');
    });
    await turn();
    run.stop(new GolekError('cancelled', 'enough'));
    await turn();
    expect(sent.flat().flatMap(({ events }) => events)).toEqual([text('first')]);
  });
});
