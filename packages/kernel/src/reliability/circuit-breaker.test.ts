import { GolekError, type ErrorCode } from '@golek/api';
import { describe, expect, it } from 'vitest';
import { CircuitBreaker, NOT_ADMITTED, type BreakerChange } from './circuit-breaker.ts';
import { policyWith } from './reliability.fixture.ts';
import type { BreakerPolicy } from './target-policy.ts';

const error = (code: ErrorCode = 'provider_failed'): GolekError => new GolekError(code, 'gone');

/** A breaker and a clock; `run` makes one call that fails with a code or succeeds. */
const breakerWith = (policy: Partial<BreakerPolicy>) => {
  const changes: BreakerChange[] = [];
  const full = policyWith({ breaker: policy }).breaker;
  const breaker = new CircuitBreaker(full, (change) => changes.push(change));
  const clock = { now: 1_000 };
  const run = (code?: ErrorCode): boolean => {
    const permit = breaker.admit(clock.now);
    if (permit === NOT_ADMITTED) return false;
    if (code) breaker.failed(permit, error(code), clock.now);
    else {
      breaker.answered(permit);
      breaker.succeeded(permit, clock.now);
    }
    return true;
  };
  return { breaker, changes, clock, run, full };
};

describe('a breaker of failures in a row', () => {
  it('opens at the threshold, probes after the open time, closes when the probe answers', () => {
    const { breaker, changes, clock, run } = breakerWith({ failures: 3, openMs: 500 });
    run('provider_failed');
    run('provider_failed');
    run();
    run('provider_failed');
    run('provider_failed');
    expect(breaker.state).toBe('closed');
    run('deadline_exceeded');
    expect(breaker.state).toBe('open');
    expect(run()).toBe(false);
    expect(breaker.remainingMs(clock.now + 200)).toBe(300);
    clock.now += 500;
    expect(run()).toBe(true);
    expect(breaker.state).toBe('closed');
    expect(changes).toEqual([
      { type: 'opened', reason: '3 failures in a row, the last one deadline_exceeded', retryAfterMs: 500 },
      { type: 'half-opened' },
      { type: 'closed', reason: 'recovered' },
    ]);
  });

  it('lets one probe pass at a time, and the next one when a probe says nothing', () => {
    const { breaker, clock, run } = breakerWith({ failures: 1, openMs: 100 });
    run('provider_failed');
    clock.now += 100;
    const probe = breaker.admit(clock.now);
    expect(probe).not.toBe(NOT_ADMITTED);
    expect(breaker.admit(clock.now)).toBe(NOT_ADMITTED);
    breaker.released(probe);
    expect(breaker.state).toBe('half-open');
    expect(run('invalid_request')).toBe(true);
    expect(breaker.state).toBe('half-open');
    expect(run()).toBe(true);
    expect(breaker.state).toBe('closed');
  });

  it('opens for twice the time with each probe that fails, up to the limit, and for the first time again after a success', () => {
    const { changes, clock, run } = breakerWith({ failures: 1, openMs: 100, maxOpenMs: 300 });
    run('provider_failed');
    for (let probe = 0; probe < 3; probe++) {
      clock.now += 10_000;
      run('provider_failed');
    }
    clock.now += 10_000;
    run();
    run('provider_failed');
    expect(changes.flatMap((change) => (change.type === 'opened' ? [change.retryAfterMs] : []))).toEqual([
      100, 200, 300, 300, 100,
    ]);
  });

  it.each<ErrorCode>([
    'invalid_request',
    'unsupported',
    'context_length_exceeded',
    'model_not_found',
    'model_invalid',
    'cancelled',
    'rate_limited',
    'overloaded',
    'shutting_down',
    'engine_crashed',
  ])('never counts %s', (code) => {
    const { breaker, run } = breakerWith({ failures: 1 });
    expect(run(code)).toBe(true);
    expect(breaker).toMatchObject({ state: 'closed', failures: 0 });
  });

  it('takes no notice of calls that were admitted before it opened', () => {
    const { breaker, clock, run } = breakerWith({ failures: 1, openMs: 100 });
    const early = [breaker.admit(clock.now), breaker.admit(clock.now)] as const;
    run('provider_failed');
    breaker.succeeded(early[0], clock.now);
    expect(breaker.state).toBe('open');
    clock.now += 100;
    const probe = breaker.admit(clock.now);
    breaker.failed(early[1], error(), clock.now);
    breaker.answered(early[1]);
    expect(breaker.state).toBe('half-open');
    breaker.answered(probe);
    expect(breaker.state).toBe('closed');
  });

  it('counts the failure of a stream whose first event closed it', () => {
    const { breaker, clock, run } = breakerWith({ failures: 1, openMs: 100 });
    run('provider_failed');
    clock.now += 100;
    const probe = breaker.admit(clock.now);
    breaker.answered(probe);
    expect(breaker.state).toBe('closed');
    breaker.failed(probe, error(), clock.now);
    expect(breaker.state).toBe('open');
    expect(breaker.remainingMs(clock.now)).toBe(200);
  });
});

describe('a breaker of a failure rate', () => {
  const sampling = { mode: 'sampling', rate: 0.5, windowMs: 10_000, minimumCalls: 10 } as const;

  it('opens at the rate, once there were enough calls', () => {
    const { breaker, run } = breakerWith(sampling);
    for (let call = 0; call < 9; call++) run(call % 2 === 0 ? 'provider_failed' : undefined);
    expect(breaker.state).toBe('closed');
    run('provider_failed');
    expect(breaker.state).toBe('open');
  });

  it('forgets what is older than its window, also when few calls come', () => {
    const { breaker, clock, run } = breakerWith(sampling);
    for (let call = 0; call < 9; call++) run('provider_failed');
    clock.now += 10_000;
    for (let call = 0; call < 20; call++) {
      clock.now += 4_000;
      run('provider_failed');
    }
    expect(breaker.state).toBe('closed');
  });
});

describe('a change of the policy', () => {
  it('keeps an open breaker open and goes on counting', () => {
    const { breaker, clock, full, run } = breakerWith({ failures: 5 });
    run('provider_failed');
    run('provider_failed');
    breaker.configure({ ...full, failures: 3 });
    run('provider_failed');
    expect(breaker.state).toBe('open');
    breaker.configure({ ...full, failures: 100, openMs: 1 });
    expect(breaker.admit(clock.now)).toBe(NOT_ADMITTED);
  });

  it('closes it when breakers are switched off, as does a reset', () => {
    const { breaker, changes, full, run } = breakerWith({ failures: 1 });
    run('provider_failed');
    breaker.configure({ ...full, mode: 'off' });
    expect(run('provider_failed')).toBe(true);
    expect(breaker.state).toBe('closed');
    breaker.configure(full);
    run('provider_failed');
    expect(breaker.state).toBe('open');
    breaker.reset();
    expect(changes.at(-1)).toEqual({ type: 'closed', reason: 'reset' });
    expect(run()).toBe(true);
  });
});
