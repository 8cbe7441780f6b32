import { GolekError } from '@golek/api';
import { DEFAULT_TARGET_POLICY, EventBus, ModelRegistry, type TimeoutPolicy } from '@golek/kernel';
import { SILENT_LOG } from '@golek/plugins-api';
import { fakeProvider } from '@golek/providers-spi/testing';
import { describe, expect, it } from 'vitest';
import { ReliabilityManager } from './reliability-manager.ts';
import { policyFor } from './reliability-settings.ts';

describe('policyFor', () => {
  const settings = {
    retry: { attempts: 3 },
    targets: [
      { model: 'm', retry: { attempts: 5 } },
      { provider: 'p', retry: { attempts: 4, maxDelayMs: 9 }, bulkhead: { maxConcurrent: 2 } },
      { model: 'm', provider: 'other', hedge: { afterMs: 1 } },
    ],
  };

  it('goes from the defaults over all targets and the provider to the model, field by field', () => {
    const policy = policyFor(settings, { name: 'm', provider: 'p' });
    expect(policy.retry).toEqual({ ...DEFAULT_TARGET_POLICY.retry, attempts: 5, maxDelayMs: 9 });
    expect(policy.bulkhead).toEqual({ ...DEFAULT_TARGET_POLICY.bulkhead, maxConcurrent: 2 });
    expect(policy.hedge).toEqual({ generate: false });
    expect(policyFor(settings, { name: 'n', provider: 'q' }).retry.attempts).toBe(3);
  });

  it('limits the time of remote models, unless that is switched off', () => {
    const remote = { name: 'm', provider: 'p', device: 'remote' } as const;
    expect(policyFor({}, remote).timeouts).toMatchObject({ firstTokenMs: 120_000, betweenTokensMs: 60_000 });
    expect(policyFor({ timeouts: { firstTokenMs: 0, totalMs: 5 } }, remote).timeouts).toEqual({
      firstTokenMs: undefined,
      betweenTokensMs: 60_000,
      wholeMs: undefined,
      totalMs: 5,
    });
    expect(policyFor({}, { ...remote, device: 'cpu' }).timeouts.firstTokenMs).toBeUndefined();
  });

  it('lets remote models answer in one piece, unless somebody has set a limit on tokens', () => {
    const remote = { name: 'm', provider: 'p', device: 'remote' } as const;
    const wholeMs = (timeouts: TimeoutPolicy): number | undefined => policyFor({ timeouts }, remote).timeouts.wholeMs;
    expect(wholeMs({})).toBe(600_000);
    expect(wholeMs({ totalMs: 5 })).toBe(600_000);
    expect(wholeMs({ firstTokenMs: 5 })).toBeUndefined();
    expect(wholeMs({ betweenTokensMs: 5 })).toBeUndefined();
    expect(wholeMs({ wholeMs: 0 })).toBeUndefined();
    expect(wholeMs({ wholeMs: 7, firstTokenMs: 5 })).toBe(7);
    expect(policyFor({}, { ...remote, device: 'cpu' }).timeouts.wholeMs).toBeUndefined();
  });
});

describe('ReliabilityManager', () => {
  const error = new GolekError('provider_failed', 'gone');

  const managed = async () => {
    const events = new EventBus({ node: 'n', log: SILENT_LOG });
    const models = new ModelRegistry({ publish: (event) => events.publish(event) });
    const provider = fakeProvider({ models: { m: {} } });
    const source = { name: 'm', location: 'm' };
    const { signal } = new AbortController();
    models.register({ source, manifest: await provider.inspect(source, { signal }) });
    const manager = new ReliabilityManager({ models, events, settings: { breaker: { failures: 1 } } });
    const guard = () => manager.guards.of({ model: 'm', provider: 'fake' });
    const fail = (): void => guard().breaker.failed(guard().breaker.admit(0), error, 0);
    return { events, models, manager, guard, fail };
  };

  it('publishes what breakers do, lists every model and resets by name', async () => {
    const { events, manager, fail } = await managed();
    const seen: object[] = [];
    using _ = events.subscribe(({ event }) => seen.push(event), ['breaker.opened', 'breaker.closed']);
    expect(manager.states()).toMatchObject([{ model: 'm', breaker: { state: 'closed' }, queued: 0 }]);
    fail();
    expect(manager.states()).toMatchObject([{ breaker: { state: 'open', lastError: { code: 'provider_failed' } } }]);
    expect(manager.reset('m').breaker).toEqual({ state: 'closed', failures: 0 });
    expect(seen).toMatchObject([
      { type: 'breaker.opened', model: 'm', provider: 'fake', retryAfterMs: 10_000 },
      { type: 'breaker.closed', reason: 'reset' },
    ]);
    expect(() => manager.reset('n')).toThrow("no model is named 'n'");
  });

  it('keeps the state of breakers when policies change, and forgets models that are gone', async () => {
    const { manager, models, guard, fail } = await managed();
    fail();
    manager.configure({ retry: { attempts: 7 } });
    expect(guard()).toMatchObject({ policy: { retry: { attempts: 7 } }, breaker: { state: 'open' } });
    models.unregister('m');
    expect(guard().breaker.state).toBe('closed');
  });
});
