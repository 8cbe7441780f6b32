import { GolekError, type InferenceEvent } from '@golek/api';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { callOf, chatOf } from '../kernel.fixture.ts';
import { chainKernel, policyWith } from './reliability.fixture.ts';

const ANSWER = Array.from({ length: 10 }, (_, index) => ` ${index}`);

it('keeps its books and its promises under failures, stalls, leaving callers and changing policies at once', async () => {
  // A fixed seed: a failure can be repeated.
  let seed = 7;
  const random = (below: number): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff) % below;
  const policies = [
    policyWith({
      bulkhead: { maxConcurrent: 3, maxQueue: 20, queueTimeoutMs: 30 },
      breaker: { failures: 4, openMs: 10 },
    }),
    policyWith({
      timeouts: { firstTokenMs: 8, betweenTokensMs: 20, totalMs: 60 },
      retry: { attempts: 3 },
      breaker: { mode: 'sampling', windowMs: 1_000, minimumCalls: 5, openMs: 5 },
      hedge: { afterMs: 3, generate: true },
    }),
    policyWith({ bulkhead: { maxConcurrent: 8, maxConcurrentPerTenant: 2 }, breaker: { mode: 'off' } }),
  ];
  const { engine, provider, guards, records, begun, stateOf } = await chainKernel(
    {
      a: {
        answer: ANSWER,
        delayMs: 1,
        hang: { at: 0, when: 'silent' },
        fail: { at: 0, code: 'provider_failed', message: 'refused', when: 'early' },
      },
      b: {
        answer: ANSWER,
        hang: { at: 4, when: 'stall' },
        fail: { at: 5, code: 'engine_crashed', message: 'died', when: 'late' },
      },
      c: { answer: ANSWER },
    },
    () => policies[0]!,
  );
  const outcomes = new Map<string, number>();
  const call = async (): Promise<void> => {
    const client = new AbortController();
    // Whoever stalls without a limit waits for its caller to leave.
    const timer = setTimeout(() => client.abort(new GolekError('cancelled', 'left')), 5 + random(100));
    const text = ['early', 'late', 'stall', 'silent', 'early late', 'early stall', 'fine', 'fine'][random(8)] ?? '';
    const principal = { id: 'x', tenant: `t${random(3)}`, scopes: [] };
    const leaveAfter = random(5) === 0 ? random(8) : Infinity;
    const seen: InferenceEvent[] = [];
    let outcome = 'answered';
    try {
      for await (const event of engine.run({
        ...callOf(chatOf('a', text), client.signal),
        principal,
        priority: random(5),
      })) {
        seen.push(event);
        if (seen.length > leaveAfter) break;
        if (random(10) === 0) await sleep(1);
      }
    } catch (thrown) {
      outcome = GolekError.from(thrown).code;
    } finally {
      clearTimeout(timer);
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    // Whatever was tried before: one start, and the tokens of one answer from its beginning.
    expect(seen.filter(({ type }) => type === 'start').length).toBeLessThanOrEqual(1);
    const tokens = seen.flatMap((event) => (event.type === 'text' ? [event.text] : []));
    expect(tokens).toEqual(ANSWER.slice(0, tokens.length));
    if (outcome === 'answered' && leaveAfter === Infinity) expect(tokens).toEqual(ANSWER);
  };
  for (let wave = 0; wave < 30; wave++) {
    const policy = policies[random(policies.length)];
    if (policy) guards.configure(() => policy);
    await Promise.all(Array.from({ length: 1 + random(24) }, call));
  }
  await vi.waitFor(() => expect(provider.stats.active).toBe(0));
  for (const model of ['a', 'b', 'c']) expect(stateOf(model)).toMatchObject({ inFlight: 0, queued: 0 });
  expect(engine.inFlight).toBe(0);
  await vi.waitFor(() => expect(records).toHaveLength(begun()));
  expect([...outcomes.keys()]).toEqual(expect.arrayContaining(['answered', 'cancelled', 'engine_crashed']));
  expect(new Set(records.map(({ outcome }) => outcome)).size).toBe(4);
  expect(records.some(({ hedge }) => hedge)).toBe(true);
}, 60_000);
