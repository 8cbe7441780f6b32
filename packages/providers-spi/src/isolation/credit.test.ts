import { describe, expect, it, vi } from 'vitest';
import type { InferenceEvent } from '../index.ts';
import { CreditLedger, type Debtor } from './credit-ledger.ts';
import { BYTES_PER_CREDIT, creditsOf, wireBytes } from './credit.ts';

const tensor = (bytes: number): InferenceEvent => ({
  type: 'tensor',
  tensor: { name: 't', type: 'UINT8', shape: [bytes], data: new Uint8Array(bytes) },
});

describe('creditsOf', () => {
  it('is one for a small event and grows with the payload of a large one', () => {
    expect(creditsOf({ type: 'text', choice: 0, text: 'token' })).toBe(1);
    expect(creditsOf({ type: 'finish', choice: 0, reason: 'stop' })).toBe(1);
    expect(creditsOf(tensor(1_000))).toBe(1);
    expect(creditsOf(tensor(10 * BYTES_PER_CREDIT))).toBe(11);
    expect(creditsOf({ type: 'text', choice: 0, text: 'x'.repeat(BYTES_PER_CREDIT) })).toBe(3);
    expect(creditsOf({ type: 'tokens', tokens: Array.from({ length: BYTES_PER_CREDIT }, () => 1) })).toBe(9);
  });
});

describe('wireBytes', () => {
  it('counts what is inside', () => {
    expect(wireBytes({ a: ['xy', 'z'], b: new Float32Array(4) })).toBe(8 + 1 + 8 + 4 + 2 + 1 + 16);
    expect(wireBytes([1, 2, 3])).toBe(8 + 24);
    expect(wireBytes(undefined)).toBe(8);
  });
});

describe('CreditLedger', () => {
  it('returns the credits of all runs that owe half a window in one message', async () => {
    const send = vi.fn();
    const ledger = new CreditLedger(8, send);
    const [a, b, c]: [Debtor, Debtor, Debtor] = [
      { id: 1, owed: 0 },
      { id: 2, owed: 0 },
      { id: 3, owed: 0 },
    ];
    for (let i = 0; i < 5; i++) ledger.owe(a, 1);
    ledger.owe(b, 9);
    ledger.owe(c, 3);
    expect(send).not.toHaveBeenCalled();
    await new Promise(setImmediate);
    expect(send.mock.calls).toEqual([[[1, 5, 2, 9]]]);
    expect([a.owed, b.owed, c.owed]).toEqual([0, 0, 3]);
    ledger.owe(c, 1);
    await new Promise(setImmediate);
    expect(send).toHaveBeenLastCalledWith([3, 4]);
  });

  it('returns each credit of a window of one', async () => {
    const send = vi.fn();
    new CreditLedger(1, send).owe({ id: 1, owed: 0 }, 1);
    await new Promise(setImmediate);
    expect(send.mock.calls).toEqual([[[1, 1]]]);
  });
});
