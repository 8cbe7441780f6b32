import { describe, expect, it } from 'vitest';
import { GolekError, type InferenceEvent } from '../index.ts';
import { CreditLedger } from './credit-ledger.ts';
import { RemoteRun } from './remote-run.ts';

const texts = (from: number, to: number): InferenceEvent[] =>
  Array.from({ length: to - from }, (_, i) => ({ type: 'text', choice: 0, text: `${from + i}` }));

const remote = (): RemoteRun => new RemoteRun(1, new CreditLedger(1_000, () => undefined));
const textOf = (event: InferenceEvent | undefined): string | undefined =>
  event?.type === 'text' ? event.text : undefined;

describe('RemoteRun', () => {
  it('gives events in order for a consumer that is always behind', () => {
    const run = remote();
    const taken: (string | undefined)[] = [];
    run.receive({ run: 1, events: texts(0, 3), done: false });
    for (let i = 3; i < 100; i++) {
      taken.push(textOf(run.take()));
      run.receive({ run: 1, events: texts(i, i + 1), done: i === 99 });
    }
    for (let event = run.take(); event; event = run.take()) taken.push(textOf(event));
    expect(taken).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
    expect(run.done).toBe(true);
  });

  it('fails after what has arrived, and is cancelled at once', () => {
    const failed = remote();
    failed.receive({ run: 1, events: texts(0, 1), done: false });
    failed.fail(new GolekError('engine_crashed', 'gone'));
    expect(textOf(failed.take())).toBe('0');
    expect(() => failed.take()).toThrow('gone');
    const cancelled = remote();
    cancelled.receive({ run: 1, events: texts(0, 1), done: false });
    cancelled.cancel(new GolekError('cancelled', 'left'));
    expect(() => cancelled.take()).toThrow('left');
  });

  it('wakes for each change', async () => {
    const run = remote();
    const changed = run.change();
    run.receive({ run: 1, events: texts(0, 1), done: true });
    await changed;
    expect(run.done).toBe(true);
  });
});
