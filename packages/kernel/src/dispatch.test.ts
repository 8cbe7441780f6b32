import { collect, type InferenceEvent } from '@golek/api';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { InferenceCall } from '@golek/plugins-api';
import type { RunContext } from '@golek/providers-spi';
import { createCall, type Engine } from './index.ts';
import { callOf, chatOf, eventsOf, kernelOf } from './kernel.fixture.ts';
import { chainKernel, embedOf, policyWith } from './reliability/reliability.fixture.ts';

const failing = { at: 0, code: 'provider_failed', message: 'no answer' } as const;
const chat = (text = 'hi') => callOf(chatOf('a', text));
const codes = (records: readonly { readonly outcome: string; readonly target: { readonly model: string } }[]) =>
  records.map(({ target, outcome }) => `${target.model} ${outcome}`);

describe('tries on one target', () => {
  it.each([1, 2, 3, 5])('%d configured attempts are exactly so many runs of the provider', async (attempts) => {
    const { engine, provider, records, begun } = await chainKernel(
      { a: { fail: failing } },
      policyWith({ retry: { attempts } }),
    );
    await expect(collect(engine.run(chat()))).rejects.toMatchObject({ code: 'provider_failed', message: 'no answer' });
    expect(provider.stats).toMatchObject({ runs: attempts, active: 0 });
    expect(records.map(({ attempt }) => attempt)).toEqual(Array.from({ length: attempts }, (_, index) => index + 1));
    expect(begun()).toBe(attempts);
  });

  it('saves a request whose first try fails, with nothing twice, and says so in its start event', async () => {
    const { engine, records } = await chainKernel({ a: { answer: ['x', 'y'], fail: { ...failing, times: 1 } } });
    const events = await eventsOf(engine.run(chat()));
    expect(events.map(({ type }) => type)).toEqual(['start', 'text', 'text', 'finish', 'usage']);
    expect(events[0]).toMatchObject({
      model: 'a',
      route: { name: 'chain', failed: [{ model: 'a', provider: 'fake', code: 'provider_failed' }] },
    });
    expect(codes(records)).toEqual(['a failed', 'a answered']);
    expect(records[1]).toMatchObject({ attempt: 2, completionTokens: 2, firstEventMs: expect.any(Number) });
  });

  it.each(['invalid_request', 'permission_denied', 'conflict'] as const)('never repeats %s', async (code) => {
    const { engine, provider } = await chainKernel({ a: { fail: { ...failing, code } }, b: {} });
    await expect(collect(engine.run(chat()))).rejects.toMatchObject({ code, details: undefined });
    expect(provider.stats.runs).toBe(1);
  });

  it('never repeats anything after the first event', async () => {
    const { engine, provider, records } = await chainKernel({
      a: { answer: ['x', 'y'], fail: { ...failing, at: 1 } },
      b: {},
    });
    const seen: string[] = [];
    const read = async () => {
      for await (const event of engine.run(chat())) seen.push(event.type);
    };
    await expect(read()).rejects.toMatchObject({ code: 'provider_failed' });
    expect(seen).toEqual(['start', 'text']);
    expect(provider.stats).toMatchObject({ runs: 1, active: 0 });
    expect(codes(records)).toEqual(['a failed']);
  });

  it('waits as long as the target asks, but not longer than allowed', async () => {
    const limited = { ...failing, code: 'rate_limited', times: 1 } as const;
    const patient = await chainKernel({ a: { fail: { ...limited, retryAfter: 0.05 } } });
    const startedAt = performance.now();
    await collect(patient.engine.run(chat()));
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(49);
    const hasty = await chainKernel({ a: { fail: { ...limited, retryAfter: 60 } } });
    await expect(collect(hasty.engine.run(chat()))).rejects.toMatchObject({ code: 'rate_limited', retryAfter: 60 });
    expect(hasty.provider.stats.runs).toBe(1);
  });

  it('stops a storm of retries by the budget', async () => {
    const { engine, provider } = await chainKernel(
      { a: { fail: failing } },
      policyWith({ retry: { attempts: 10, budgetRatio: 0.1, budgetPerSecond: 0 }, breaker: { mode: 'off' } }),
    );
    for (let request = 0; request < 100; request++) await collect(engine.run(chat())).catch(() => undefined);
    expect(provider.stats.runs).toBe(110);
  });

  it('gives up a pause at once when the caller leaves', async () => {
    const { engine, provider, records } = await chainKernel(
      { a: { fail: { ...failing, retryAfter: 60 } } },
      policyWith({ retry: { maxRetryAfterMs: 100_000 } }),
    );
    const client = new AbortController();
    const left = collect(engine.run(callOf(chatOf('a'), client.signal)));
    const refused = expect(left).rejects.toMatchObject({ code: 'cancelled' });
    await sleep(20);
    client.abort();
    await refused;
    expect(provider.stats.runs).toBe(1);
    expect(codes(records)).toEqual(['a failed']);
  });

  it('does not begin a pause that the deadline of the request does not leave time for', async () => {
    const { engine, provider } = await chainKernel(
      { a: { fail: { ...failing, retryAfter: 5 } } },
      policyWith({ retry: { maxRetryAfterMs: 100_000 } }),
    );
    const call = { ...chat(), deadline: performance.now() + 1_000 };
    await expect(collect(engine.run(call))).rejects.toMatchObject({ code: 'provider_failed' });
    expect(provider.stats.runs).toBe(1);
  });
});

describe('several targets', () => {
  it('goes on with the next one after the tries on one, and tells what failed', async () => {
    const { engine, provider, records } = await chainKernel({ a: { fail: failing }, b: { answer: ['from b'] } });
    const [start, text] = await eventsOf(engine.run(chat()));
    const failed = Array(2).fill({ model: 'a', provider: 'fake', code: 'provider_failed' });
    expect(start).toMatchObject({
      type: 'start',
      model: 'b',
      route: { strategy: 'priority', reasons: ['first'], failed },
    });
    expect(text).toMatchObject({ text: 'from b' });
    expect(provider.stats.runs).toBe(3);
    expect(codes(records)).toEqual(['a failed', 'a failed', 'b answered']);
  });

  it('leaves a target that asks to wait for another one at once', async () => {
    const { engine, records } = await chainKernel({
      a: { fail: { ...failing, code: 'rate_limited', retryAfter: 5 } },
      b: {},
    });
    await collect(engine.run(chat()));
    expect(codes(records)).toEqual(['a failed', 'b answered']);
  });

  it('comes back to the target that is due first when no other one answers', async () => {
    const limited = { ...failing, code: 'rate_limited', times: 1 } as const;
    const { engine, records } = await chainKernel({
      a: { fail: { ...limited, retryAfter: 8 } },
      b: { fail: { ...limited, retryAfter: 0.03 } },
      c: { fail: { ...failing, code: 'unsupported' } },
    });
    const [start] = await eventsOf(engine.run(chat()));
    expect(start).toMatchObject({ model: 'b' });
    expect(codes(records)).toEqual(['a failed', 'b failed', 'c failed', 'b answered']);
  });

  it('tells the most useful of several failures, with all of them', async () => {
    const { engine } = await chainKernel({
      a: { fail: { ...failing, code: 'rate_limited', message: 'too many', retryAfter: 30 } },
      b: { fail: { ...failing, code: 'unsupported', message: 'no tools' } },
    });
    await expect(collect(engine.run(chat()))).rejects.toMatchObject({
      code: 'rate_limited',
      retryAfter: 30,
      message: 'too many; tried: a (rate_limited), b (unsupported)',
      details: {
        attempts: [
          { model: 'a', provider: 'fake', code: 'rate_limited' },
          { model: 'b', provider: 'fake', code: 'unsupported' },
        ],
      },
    });
  });

  it('goes past a model that was removed meanwhile', async () => {
    const { engine, registry } = await chainKernel({ a: {}, b: {}, c: {} });
    registry.unregister('b');
    const call = createCall({ request: chatOf('a'), signal: new AbortController().signal });
    registry.unregister('a');
    await expect(collect(engine.run(call))).rejects.toMatchObject({ code: 'model_not_found' });
    const [start] = await eventsOf(engine.run(callOf(chatOf('c'))));
    expect(start).toMatchObject({ model: 'c', route: { failed: [{ model: 'a' }, { model: 'b' }] } });
  });
});

describe('the breaker', () => {
  const policy = policyWith({ retry: { attempts: 1 }, breaker: { failures: 2, openMs: 60 } });

  it('is skipped without a run while it is open; a probe closes it', async () => {
    const { engine, provider, breakers, records } = await chainKernel(
      { a: { fail: { ...failing, times: 2 } }, b: {} },
      policy,
    );
    for (let request = 0; request < 3; request++) await collect(engine.run(chat()));
    expect(codes(records)).toEqual(['a failed', 'b answered', 'a failed', 'b answered', 'a refused', 'b answered']);
    expect(records[4]).toMatchObject({ attempt: 1, error: { code: 'breaker_open', retryAfter: 1 } });
    await sleep(80);
    const [start] = await eventsOf(engine.run(chat()));
    expect(start).toMatchObject({ model: 'a' });
    expect(provider.stats.runs).toBe(6);
    expect(breakers).toMatchObject([{ type: 'opened', model: 'a' }, { type: 'half-opened' }, { type: 'closed' }]);
  });

  it('refuses with Retry-After where there is no other target, and is reset by hand', async () => {
    const { engine, provider, guards, stateOf } = await chainKernel(
      { a: { fail: { ...failing, times: 2 } } },
      policyWith({ retry: { attempts: 1 }, breaker: { failures: 2, openMs: 30_000 } }),
    );
    for (let request = 0; request < 2; request++) await collect(engine.run(chat())).catch(() => undefined);
    await expect(collect(engine.run(chat()))).rejects.toMatchObject({
      code: 'breaker_open',
      message: "model 'a' failed too often (last: provider_failed) and is spared for another 30 s",
      retryAfter: 30,
    });
    expect(guards.blocked('a')).toBe('its breaker is open for another 30 s');
    expect(stateOf('a')).toMatchObject({
      breaker: { state: 'open', failures: 2, lastError: { code: 'provider_failed' } },
    });
    expect(provider.stats.runs).toBe(2);
    guards.of({ model: 'a', provider: 'fake' }).reset();
    expect(guards.blocked('a')).toBeUndefined();
    await collect(engine.run(chat()));
  });

  it('counts streams that fail after their first event', async () => {
    const { engine, stateOf } = await chainKernel({ a: { answer: ['x', 'y'], fail: { ...failing, at: 1 } } }, policy);
    for (let request = 0; request < 2; request++) await collect(engine.run(chat())).catch(() => undefined);
    expect(stateOf('a').breaker.state).toBe('open');
  });

  it('admits the next call after the crash of an engine with 16 runs, however often it crashes', async () => {
    const { engine, stateOf, records } = await chainKernel(
      { a: { answer: ['x', 'y'], fail: { at: 1, code: 'engine_crashed', message: 'killed', when: 'crash' } } },
      policyWith({ breaker: { failures: 1 } }),
    );
    for (let crash = 0; crash < 3; crash++) {
      await Promise.allSettled(Array.from({ length: 16 }, () => collect(engine.run(chat('crash')))));
      expect((await collect(engine.run(chat()))).choices[0]?.text).toBe('xy');
    }
    expect(stateOf('a').breaker).toEqual({ state: 'closed', failures: 0 });
    expect(records.filter(({ error }) => error?.code === 'engine_crashed')).toHaveLength(48);
  });

  it('does not count callers that leave, nor requests that are wrong', async () => {
    const { engine, stateOf, records } = await chainKernel(
      {
        a: {
          answer: ['x', 'y'],
          hang: { at: 1, when: 'hang' },
          fail: { at: 0, code: 'invalid_request', message: 'bad', when: 'bad' },
        },
      },
      policy,
    );
    for (let request = 0; request < 3; request++) {
      await collect(engine.run(chat('bad'))).catch(() => undefined);
      await collect(engine.run(callOf(chatOf('a', 'hang'), AbortSignal.timeout(10)))).catch(() => undefined);
      for await (const event of engine.run(chat())) if (event.type === 'text') break;
    }
    expect(stateOf('a')).toMatchObject({ breaker: { state: 'closed', failures: 0 }, inFlight: 0 });
    expect(codes(records).slice(0, 3)).toEqual(['a failed', 'a abandoned', 'a abandoned']);
  });
});

describe('time limits', () => {
  it('end a try without a first token, which is then repeated elsewhere', async () => {
    const { engine, provider, records } = await chainKernel(
      { a: { hang: { at: 0 } }, b: {} },
      policyWith({ timeouts: { firstTokenMs: 20 }, retry: { attempts: 1 } }),
    );
    const [start] = await eventsOf(engine.run(chat()));
    expect(start).toMatchObject({ model: 'b', route: { failed: [{ model: 'a', code: 'deadline_exceeded' }] } });
    expect(records[0]?.error?.message).toBe("model 'a' gave no first token within 20 ms (timeouts.firstTokenMs)");
    expect(provider.stats.active).toBe(0);
  });

  it('end a stream that stalls, but not one whose reader is slow', async () => {
    const policy = policyWith({ timeouts: { betweenTokensMs: 40 }, breaker: { failures: 1 } });
    const stalled = await chainKernel({ a: { answer: ['x', 'y'], hang: { at: 1 } } }, policy);
    const read = async (events: AsyncIterable<InferenceEvent>, delayMs: number) => {
      for await (const _ of events) await sleep(delayMs);
    };
    await expect(read(stalled.engine.run(chat()), 0)).rejects.toMatchObject({
      code: 'deadline_exceeded',
      message: "model 'a' gave no further token within 40 ms (timeouts.betweenTokensMs)",
    });
    expect(stalled.stateOf('a')).toMatchObject({ breaker: { state: 'open' }, inFlight: 0 });
    const slow = await chainKernel({ a: { answer: ['x', 'y'] } }, policy);
    await read(slow.engine.run(chat()), 60);
  });

  it('let an answer that is read at its end come in one piece, within a limit of its own', async () => {
    const limits = { firstTokenMs: 20, wholeMs: 60 };
    const { engine, provider } = await chainKernel(
      { a: { hang: { at: 0 } } },
      policyWith({ timeouts: limits, retry: { attempts: 1 } }),
    );
    const contexts: RunContext[] = [];
    const open = provider.open.bind(provider);
    let whole = true;
    vi.spyOn(provider, 'open').mockImplementation(async (source, options) => {
      const session = await open(source, options);
      const run = session.run.bind(session);
      vi.spyOn(session, 'run').mockImplementation((request, context) => {
        contexts.push(context);
        return run(request, context);
      });
      const { capabilities } = session;
      Object.defineProperty(session, 'capabilities', { get: () => ({ ...capabilities, whole }) });
      return session;
    });
    const failureOf = (call: InferenceCall): Promise<string> =>
      collect(engine.run(call)).then(
        () => 'answered',
        (error: unknown) => (error as Error).message,
      );
    expect(await failureOf({ ...chat(), whole: true })).toBe(
      "model 'a' gave no answer within 60 ms (timeouts.wholeMs)",
    );
    // One whose tokens are read, and a model that cannot.
    const late = "model 'a' gave no first token within 20 ms (timeouts.firstTokenMs)";
    expect(await failureOf(chat())).toBe(late);
    whole = false;
    expect(await failureOf({ ...chat(), whole: true })).toBe(late);
    // A task without text.
    whole = true;
    const count = { task: 'count', model: 'a', input: { type: 'text', prompt: 'x' } } as const;
    await collect(engine.run({ ...callOf(count), whole: true })).catch(() => undefined);
    expect(contexts.map(({ wholeMs }) => wholeMs)).toEqual([60, undefined, undefined, undefined]);
  });

  it('bound the whole time on a target, tries and pauses included; a target that streams is not blamed', async () => {
    const policy = policyWith({ timeouts: { totalMs: 60 }, retry: { attempts: 100 }, breaker: { failures: 1 } });
    const endless = await chainKernel({ a: { answer: Array<string>(1_000).fill('x'), delayMs: 5 } }, policy);
    await expect(collect(endless.engine.run(chat()))).rejects.toMatchObject({
      code: 'deadline_exceeded',
      message: "model 'a' did not end its answer within 60 ms (timeouts.totalMs)",
    });
    expect(endless.stateOf('a').breaker.state).toBe('closed');
    const failingOver = await chainKernel(
      { a: { fail: { ...failing, retryAfter: 0.02 } }, b: {} },
      policyWith({ timeouts: { totalMs: 50 }, retry: { attempts: 100 }, breaker: { mode: 'off' } }),
    );
    await collect(failingOver.engine.run(chat()));
    expect(failingOver.provider.stats.runs).toBeLessThan(5);
  });
});

describe('the bulkhead', () => {
  const oneAtOnce = policyWith({ bulkhead: { maxConcurrent: 1 } });

  /** A model that works on a prompt with `hang` until the caller leaves. */
  const hanging = { answer: ['x', 'y'], hang: { at: 1, when: 'hang' } } as const;

  /** A call that holds a place until `leave`. */
  const holder = (engine: Engine) => {
    const client = new AbortController();
    const call = collect(engine.run(callOf(chatOf('a', 'hang'), client.signal)));
    const ended = expect(call).rejects.toMatchObject({ code: 'cancelled' });
    return { leave: () => (client.abort(), ended) };
  };

  it('lets calls wait, and a caller that leaves while it waits costs nothing', async () => {
    const { engine, provider, stateOf, records } = await chainKernel({ a: hanging }, oneAtOnce);
    const first = holder(engine);
    await vi.waitFor(() => expect(stateOf('a').inFlight).toBe(1));
    const second = holder(engine);
    const waiting = collect(engine.run(chat()));
    await vi.waitFor(() => expect(stateOf('a')).toMatchObject({ inFlight: 1, queued: 2 }));
    await second.leave();
    expect(stateOf('a').queued).toBe(1);
    await sleep(5);
    await first.leave();
    await waiting;
    expect(provider.stats.runs).toBe(2);
    expect(stateOf('a')).toMatchObject({ inFlight: 0, queued: 0 });
    expect(codes(records)).toEqual(['a abandoned', 'a abandoned', 'a answered']);
    expect(records[2]?.queuedMs).toBeGreaterThan(4);
  });

  it('gives a place back when the consumer stops reading', async () => {
    const { engine, stateOf } = await chainKernel({ a: { answer: ['x', 'y', 'z'] } }, oneAtOnce);
    for (let request = 0; request < 5; request++) {
      for await (const event of engine.run(chat())) if (event.type === 'text') break;
    }
    expect(stateOf('a').inFlight).toBe(0);
  });

  it('sends a call that has no place on to the next target, and does not try again on its own', async () => {
    const { engine, records, stateOf } = await chainKernel(
      { a: hanging, b: {} },
      policyWith({ bulkhead: { maxConcurrent: 1, maxQueue: 0 } }),
    );
    const first = holder(engine);
    await vi.waitFor(() => expect(stateOf('a').inFlight).toBe(1));
    await collect(engine.run(chat()));
    await first.leave();
    expect(codes(records)).toEqual(['a refused', 'b answered', 'a abandoned']);
    expect(records[0]?.error).toMatchObject({ code: 'overloaded', retryAfter: 1 });
  });

  it('takes another bound while calls run', async () => {
    const { engine, guards, stateOf } = await chainKernel({ a: hanging }, oneAtOnce);
    const calls = Array.from({ length: 4 }, () => holder(engine));
    await vi.waitFor(() => expect(stateOf('a')).toMatchObject({ inFlight: 1, queued: 3 }));
    guards.configure(() => policyWith({ bulkhead: { maxConcurrent: 3 } }));
    expect(stateOf('a')).toMatchObject({ inFlight: 3, queued: 1 });
    await Promise.all(calls.map((call) => call.leave()));
  });
});

describe('a hedged request', () => {
  const policy = policyWith({ hedge: { afterMs: 10 } });

  it('takes the faster answer, ends the other one and counts in the retry budget', async () => {
    const { engine, provider, records, stateOf } = await chainKernel({ a: { delayMs: 10_000 }, b: {} }, policy);
    const before = stateOf('a').retriesLeft;
    const [start] = await eventsOf(engine.run(callOf(embedOf('a'))));
    expect(start).toMatchObject({ model: 'b', route: { failed: [] } });
    await vi.waitFor(() => expect(provider.stats).toMatchObject({ runs: 2, active: 0 }));
    expect(codes(records).toSorted()).toEqual(['a abandoned', 'b answered']);
    expect(records.find(({ target }) => target.model === 'b')?.hedge).toBe(true);
    expect(stateOf('a')).toMatchObject({ inFlight: 0, retriesLeft: before - 1, breaker: { failures: 0 } });
  });

  it('goes on with the first attempt when the hedge fails, and fails when both do', async () => {
    const saved = await chainKernel({ a: { delayMs: 40 }, b: { fail: failing } }, policy);
    const [start] = await eventsOf(saved.engine.run(callOf(chatOf('a'))));
    expect(saved.provider.stats.runs).toBe(1);
    expect(start).toMatchObject({ model: 'a' });
    const hedging = policyWith({ hedge: { afterMs: 10, generate: true }, retry: { attempts: 1 } });
    const hedged = await chainKernel({ a: { delayMs: 300 }, b: { fail: failing } }, hedging);
    expect((await eventsOf(hedged.engine.run(chat())))[0]).toMatchObject({
      model: 'a',
      route: { failed: [{ model: 'b' }] },
    });
    expect(hedged.provider.stats.runs).toBe(2);
    const lost = await chainKernel({ a: { delayMs: 300, fail: failing } }, hedging);
    await expect(collect(lost.engine.run(chat()))).rejects.toMatchObject({ code: 'provider_failed' });
    expect(lost.provider.stats).toMatchObject({ runs: 2, active: 0 });
  });

  it('is none where the first attempt is fast enough or the budget is used up', async () => {
    const fast = await chainKernel({ a: {}, b: {} }, policyWith({ hedge: { afterMs: 5_000 } }));
    await collect(fast.engine.run(callOf(embedOf('a'))));
    expect(fast.provider.stats.runs).toBe(1);
    const poor = await chainKernel(
      { a: { delayMs: 30 }, b: {} },
      policyWith({ hedge: { afterMs: 5 }, retry: { budgetRatio: 0, budgetPerSecond: 0 } }),
    );
    await collect(poor.engine.run(callOf(embedOf('a'))));
    expect(poor.provider.stats.runs).toBe(1);
  });

  it('ends both attempts when the caller leaves', async () => {
    const { engine, provider, stateOf } = await chainKernel({ a: { hang: { at: 0 }, delayMs: 10_000 } }, policy);
    const client = new AbortController();
    const left = collect(engine.run(callOf(embedOf('a'), client.signal)));
    const cancelled = expect(left).rejects.toMatchObject({ code: 'cancelled' });
    await vi.waitFor(() => expect(provider.stats.active).toBe(2));
    client.abort();
    await cancelled;
    await vi.waitFor(() => expect(provider.stats.active).toBe(0));
    expect(stateOf('a').inFlight).toBe(0);
  });
});

describe('what is told of attempts', () => {
  it('is a client span for each, under the trace of the call, with the context for the provider', async () => {
    const { engine } = await chainKernel({ a: { fail: failing }, b: {} });
    const spans: { readonly name: string }[] = [];
    const call = chat();
    const trace = { ...call.trace, sink: (span: { readonly name: string }) => void spans.push(span) };
    await collect(engine.run({ ...call, trace }));
    const attempts = spans.filter(({ name }) => name.startsWith('attempt '));
    expect(attempts).toMatchObject([
      { name: 'attempt a', kind: 'client', error: { type: 'provider_failed' }, attributes: { 'golek.attempt': 1 } },
      { name: 'attempt a', attributes: { 'golek.attempt': 2, 'golek.attempt.outcome': 'failed' } },
      { name: 'attempt b', attributes: { 'golek.attempt': 3, 'golek.attempt.outcome': 'answered' } },
    ]);
    for (const span of attempts) expect(span).toMatchObject({ traceId: call.trace.traceId });
  });
});

describe('the context of a run', () => {
  it('says whose request it is, how urgent, and until when', async () => {
    const { engine, provider } = await kernelOf({ a: {} });
    const contexts: RunContext[] = [];
    const open = provider.open.bind(provider);
    vi.spyOn(provider, 'open').mockImplementation(async (source, options) => {
      const session = await open(source, options);
      const run = session.run.bind(session);
      vi.spyOn(session, 'run').mockImplementation((request, context) => {
        contexts.push(context);
        return run(request, context);
      });
      return session;
    });
    const call = callOf(chatOf('a'));
    const deadline = performance.now() + 60_000;
    await collect(engine.run(call));
    await collect(engine.run({ ...call, principal: { ...call.principal, tenant: 'acme' }, priority: 4, deadline }));
    expect(contexts).toMatchObject([
      { id: call.id, tenant: call.principal.tenant },
      { tenant: 'acme', priority: 4, deadline },
    ]);
    expect(Object.keys(contexts[0] ?? {})).not.toContain('deadline');
  });
});
