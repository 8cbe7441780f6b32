import { describe, expect, it } from 'vitest';
import { GolekError } from '@golek/api/plain';
import { ProviderWork } from './provider-work.ts';

const never = new AbortController().signal;
const newWork = (): ProviderWork => new ProviderWork('p', () => 'model_load_failed');

describe('ProviderWork', () => {
  it('loads one after the other, also behind one that failed', async () => {
    const work = newWork();
    const told: string[] = [];
    const first = work.load(never, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      told.push('first ends');
      throw new GolekError('model_invalid', 'no model');
    });
    const second = work.load(never, async () => {
      told.push('second begins');
      return 2;
    });
    await expect(first).rejects.toMatchObject({ code: 'model_invalid' });
    await expect(second).resolves.toBe(2);
    expect(told).toEqual(['first ends', 'second begins']);
  });

  it('gives errors that are none of its own the code for them', async () => {
    const failed = newWork().run(never, () => Promise.reject(new TypeError('odd')));
    await expect(failed).rejects.toMatchObject({ code: 'model_load_failed', message: 'odd' });
  });

  it('ends with its caller and says cancelled', async () => {
    const caller = new AbortController();
    const run = newWork().run(caller.signal, (ends) => untilAborted(ends));
    caller.abort(new Error('gone'));
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('ends with the provider, says shutting_down, and waits for loads', async () => {
    const work = newWork();
    let ended = false;
    const load = work.load(never, async (ends) => {
      await untilAborted(ends).catch(() => undefined);
      ended = true;
      ends.throwIfAborted();
    });
    load.catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    await work.close();
    expect({ ended, closed: work.closed }).toEqual({ ended: true, closed: true });
    await expect(load).rejects.toMatchObject({ code: 'shutting_down' });
    await expect(work.run(never, async () => 1)).rejects.toMatchObject({ code: 'shutting_down' });
  });
});

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
  });
