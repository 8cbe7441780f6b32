import { describe, expect, it } from 'vitest';
import { RunSlots } from './run-slots.ts';

const { signal } = new AbortController();

describe('RunSlots', () => {
  it('lets its number in at once and the others in their order', async () => {
    const slots = new RunSlots(2);
    const order: number[] = [];
    const enter = (n: number): Promise<void> => slots.take(signal).then(() => void order.push(n));
    const entering = [1, 2, 3, 4].map(enter);
    await Promise.all(entering.slice(0, 2));
    expect(order).toEqual([1, 2]);
    expect(slots.tryTake()).toBe(false);
    slots.give();
    await entering[2];
    expect(order).toEqual([1, 2, 3]);
    slots.give();
    await entering[3];
    slots.give();
    slots.give();
    expect([slots.tryTake(), slots.tryTake(), slots.tryTake()]).toEqual([true, true, false]);
  });

  it('forgets who leaves', async () => {
    const slots = new RunSlots(1);
    await slots.take(signal);
    const client = new AbortController();
    const leaving = slots.take(client.signal);
    const staying = slots.take(signal);
    client.abort();
    await expect(leaving).rejects.toMatchObject({ code: 'cancelled' });
    await expect(slots.take(client.signal)).rejects.toMatchObject({ code: 'cancelled' });
    slots.give();
    await staying;
    expect(slots.tryTake()).toBe(false);
  });
});
