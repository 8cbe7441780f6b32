import { collect, GolekError } from '@golek/api';
import { describe, expect, it } from 'vitest';
import { createCall } from './index.ts';
import { callOf, chatOf, eventsOf, kernelOf } from './kernel.fixture.ts';

describe('Engine', () => {
  it('answers through the provider, with start first and the registered name', async () => {
    const { engine, registry } = await kernelOf({ hello: { answer: ['Hello', ' world'] } });
    registry.alias('default', 'hello');
    const events = await eventsOf(engine.run(callOf(chatOf('default'))));
    expect(events[0]).toMatchObject({
      type: 'start',
      model: 'hello',
      provider: 'fake',
      route: { name: 'default', failed: [] },
    });
    expect(events.map(({ type }) => type)).toEqual(['start', 'text', 'text', 'finish', 'usage']);
    expect((await collect(engine.run(callOf(chatOf('hello'))))).choices[0]?.text).toBe('Hello world');
  });

  it('names an unknown model, the nearest known one, and reaches no provider', async () => {
    const { engine, provider } = await kernelOf({ hello: {} });
    await expect(collect(engine.run(callOf(chatOf('helo'))))).rejects.toMatchObject({
      code: 'model_not_found',
      message: "no model or alias named 'helo'; did you mean 'hello'?",
    });
    expect(provider.stats).toMatchObject({ opens: 0, runs: 0 });
  });

  it('opens one session for 20 parallel first requests, and none before the first', async () => {
    const { engine, provider, sessions } = await kernelOf({ slow: { load: { steps: 4, stepMs: 5 } } });
    expect(provider.stats.opens).toBe(0);
    expect(sessions.status('slow').state).toBe('unloaded');
    await Promise.all(Array.from({ length: 20 }, () => collect(engine.run(callOf(chatOf('slow'))))));
    expect(provider.stats).toMatchObject({ opens: 1, runs: 20, active: 0 });
    expect(sessions.status('slow')).toMatchObject({ state: 'ready', inUse: 0 });
  });

  it('gives a failed load to all who wait, remembers it briefly, then tries again', async () => {
    const { engine, provider, sessions } = await kernelOf({
      bad: { load: { error: { code: 'model_invalid', message: 'no magic' } } },
    });
    const failures = await Promise.allSettled(
      Array.from({ length: 3 }, () => collect(engine.run(callOf(chatOf('bad'))))),
    );
    expect(failures.map((failure) => (failure as PromiseRejectedResult).reason.code)).toEqual(
      Array(3).fill('model_invalid'),
    );
    expect(sessions.status('bad')).toMatchObject({ state: 'failed', error: { code: 'model_invalid' } });
    await new Promise((resolve) => setTimeout(resolve, 60));
    await expect(collect(engine.run(callOf(chatOf('bad'))))).rejects.toMatchObject({ message: 'no magic' });
    expect(provider.stats.opens).toBe(0);
  });

  it('lets a client that leaves during the load go at once, and finishes the load for the next one', async () => {
    const { engine, provider, sessions } = await kernelOf({ slow: { load: { steps: 10, stepMs: 20 } } });
    const client = new AbortController();
    const left = collect(engine.run(callOf(chatOf('slow'), client.signal)));
    setTimeout(() => client.abort(), 10);
    await expect(left).rejects.toMatchObject({ code: 'cancelled' });
    expect(sessions.status('slow').state).toBe('loading');
    await collect(engine.run(callOf(chatOf('slow'))));
    expect(provider.stats.opens).toBe(1);
  });

  it('stops the provider when the client aborts and when it stops reading', async () => {
    const { engine, provider } = await kernelOf({ endless: { answer: Array<string>(1000).fill('x'), delayMs: 1 } });
    const client = new AbortController();
    const read = (async () => {
      for await (const event of engine.run(callOf(chatOf('endless'), client.signal)))
        if (event.type === 'text') client.abort();
    })();
    await expect(read).rejects.toMatchObject({ code: 'cancelled' });
    for await (const event of engine.run(callOf(chatOf('endless')))) if (event.type === 'text') break;
    expect(provider.stats.active).toBe(0);
    expect(engine.inFlight).toBe(0);
  });

  it('cancels by id the calls that the one who asks may cancel', async () => {
    const { engine, provider } = await kernelOf({ hanging: { hang: { at: 1 } } });
    const { signal } = new AbortController();
    const run = (id: string) => collect(engine.run(createCall({ request: chatOf('hanging'), signal, id })));
    const [mine, other] = [run('mine'), run('other')];
    const cancelled = expect(mine).rejects.toMatchObject({
      code: 'cancelled',
      message: "the request 'mine' was cancelled",
    });
    const cancelledToo = expect(other).rejects.toMatchObject({ code: 'cancelled' });
    expect(engine.calls().map(({ id }) => id)).toEqual(['mine', 'other']);
    expect(engine.cancel('mine', () => false)).toBe(0);
    expect(engine.cancel('mine')).toBe(1);
    await cancelled;
    expect(provider.stats.active).toBe(1);
    expect(engine.cancel('mine')).toBe(0);
    expect(engine.calls().map(({ id }) => id)).toEqual(['other']);
    engine.cancel('other', ({ principal }) => principal.tenant === 'default');
    await cancelledToo;
    expect(provider.stats.active).toBe(0);
  });

  it('ends runs that share the controller of their caller together, and counts each', async () => {
    const { engine, provider } = await kernelOf({ hanging: { hang: { at: 1 } } });
    const caller = new AbortController();
    const call = createCall({ request: chatOf('hanging'), signal: caller.signal, id: 'both' });
    const runs = [0, 1].map(() => collect(engine.run(call, caller)));
    const failed = runs.map((run) => expect(run).rejects.toMatchObject({ code: 'cancelled' }));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(engine.inFlight).toBe(2);
    expect(engine.cancel('both')).toBe(2);
    expect(caller.signal.reason).toMatchObject({ message: "the request 'both' was cancelled" });
    await Promise.all(failed);
    expect(engine.inFlight).toBe(0);
    expect(provider.stats.active).toBe(0);
  });

  it('a run that is left before its first event has not begun; one that is left twice ends once', async () => {
    const { engine, provider } = await kernelOf({ hello: { answer: ['a', 'b'] } });
    const unread = engine.run(callOf(chatOf('hello')));
    expect(await unread.return()).toEqual({ done: true, value: undefined });
    expect(await unread.next()).toEqual({ done: true, value: undefined });
    expect(provider.stats.runs).toBe(0);
    const run = engine.run(callOf(chatOf('hello')));
    await run.next();
    expect(engine.inFlight).toBe(1);
    // Asked for while a step is in progress: that ends first.
    const [step, left] = await Promise.all([run.next(), run.return(), run.return()]);
    expect(step.value).toMatchObject({ type: 'text' });
    expect(left.done).toBe(true);
    expect(engine.inFlight).toBe(0);
    expect(provider.stats.active).toBe(0);
  });

  it('surfaces a deadline as such, by the reason of the signal', async () => {
    const { engine } = await kernelOf({ hanging: { hang: { at: 1 } } });
    await expect(collect(engine.run(callOf(chatOf('hanging'), AbortSignal.timeout(20))))).rejects.toMatchObject({
      code: 'deadline_exceeded',
    });
  });

  it('passes a failure in the middle of a stream on, after the events before it', async () => {
    const { engine } = await kernelOf({
      cut: { answer: ['a', 'b', 'c'], fail: { at: 2, code: 'provider_failed', message: 'connection lost' } },
    });
    const seen: string[] = [];
    const read = async () => {
      for await (const event of engine.run(callOf(chatOf('cut')))) seen.push(event.type);
    };
    await expect(read()).rejects.toMatchObject({ code: 'provider_failed', message: 'connection lost' });
    expect(seen).toEqual(['start', 'text', 'text']);
  });

  it('says which provider is missing', async () => {
    const { engine, registry } = await kernelOf({ hello: {} });
    const [entry] = registry.list();
    registry.register({ ...entry!, manifest: { ...entry!.manifest, name: 'other', provider: 'tpu' } });
    await expect(collect(engine.run(callOf(chatOf('other'))))).rejects.toMatchObject({
      code: 'model_load_failed',
      message: "model 'other' needs the provider 'tpu', which is not installed; installed: fake",
    });
  });

  describe('drain', () => {
    it('refuses new calls, waits for those in progress and says that all finished', async () => {
      const { engine } = await kernelOf({ slow: { answer: ['a', 'b', 'c'], delayMs: 5 } });
      const running = collect(engine.run(callOf(chatOf('slow'))));
      await new Promise((resolve) => setTimeout(resolve, 5));
      const drained = engine.drain(5000);
      await expect(collect(engine.run(callOf(chatOf('slow'))))).rejects.toMatchObject({
        code: 'shutting_down',
        retryable: true,
      });
      expect(await drained).toBe(true);
      expect((await running).choices[0]?.text).toBe('abc');
    });

    it('aborts what is left after the grace time, naming the reason', async () => {
      const { engine, provider } = await kernelOf({ hanging: { hang: { at: 1 } } });
      const running = collect(engine.run(callOf(chatOf('hanging'))));
      const failed = expect(running).rejects.toMatchObject({ code: 'shutting_down' });
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(await engine.drain(20)).toBe(false);
      await failed;
      expect(provider.stats.active).toBe(0);
    });
  });
});

describe('SessionPool', () => {
  it('does not unload a model in use; the next request loads it again', async () => {
    const { engine, provider, sessions } = await kernelOf({ m: { answer: ['a', 'b'], delayMs: 5 } });
    const { signal } = new AbortController();
    const running = collect(engine.run(callOf(chatOf('m'))));
    await new Promise((resolve) => setTimeout(resolve, 8));
    expect(sessions.status('m').inUse).toBe(1);
    await sessions.unload('m', signal);
    expect((await running).choices[0]?.finish).toBe('stop');
    expect(provider.stats).toMatchObject({ opens: 1, disposals: 1, openSessions: 0 });
    expect(sessions.status('m').state).toBe('unloaded');
    await collect(engine.run(callOf(chatOf('m'))));
    expect(provider.stats.opens).toBe(2);
  });

  it('closes every session once and refuses new leases', async () => {
    const { engine, provider, sessions, registry } = await kernelOf({ a: {}, b: {} });
    await Promise.all(['a', 'b'].map((name) => collect(engine.run(callOf(chatOf(name))))));
    await sessions[Symbol.asyncDispose]();
    expect(provider.stats).toMatchObject({ disposals: 2, openSessions: 0 });
    await expect(sessions.lease(registry.resolve('a')!, new AbortController().signal)).rejects.toMatchObject({
      code: 'shutting_down',
    });
  });

  it('ends a load in progress when the runtime stops', async () => {
    const { sessions, registry, provider } = await kernelOf({ slow: { load: { steps: 1000, stepMs: 5 } } });
    const lease = sessions.lease(registry.resolve('slow')!, new AbortController().signal);
    const refused = expect(lease).rejects.toMatchObject({ code: 'shutting_down' });
    await sessions[Symbol.asyncDispose]();
    await refused;
    expect(provider.stats.opens).toBe(0);
  });
});

describe('ModelRegistry', () => {
  it('refuses a name twice, also as alias; a route stays when its model goes', async () => {
    const { registry } = await kernelOf({ a: {}, b: {} });
    registry.alias('first', 'a');
    const [entry] = registry.list();
    expect(() => registry.register(entry!)).toThrow(/'a' is registered already/);
    expect(() => registry.alias('b', 'a')).toThrow(/a model is named 'b' already/);
    expect(() => registry.alias('x', 'nothing')).toThrow(GolekError);
    expect(registry.names()).toEqual(['a', 'b', 'first']);
    expect(registry.unregister('a')).toBe(true);
    expect(registry.unregister('a')).toBe(false);
    expect(registry.names()).toEqual(['b', 'first']);
    const named = { ...entry!, manifest: { ...entry!.manifest, name: 'first' } };
    expect(() => registry.register(named)).toThrow(/a route named 'first' is registered already/);
    expect(() => registry.replace(named)).toThrow(/a route named 'first' is registered already/);
    registry.replace(entry!);
    registry.replace({ ...entry!, source: { name: 'a', location: 'elsewhere' } });
    expect(registry.resolve('a')?.source.location).toBe('elsewhere');
  });
});

describe('createCall', () => {
  const request = chatOf('m');
  const { signal } = new AbortController();

  it('goes on with a valid traceparent and starts a trace for any other', () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    expect(createCall({ request, signal, traceparent }).trace).toEqual({
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      spanId: '00f067aa0ba902b7',
      sampled: true,
      traceparent,
    });
    for (const bad of [
      undefined,
      '',
      'x',
      `ff${traceparent.slice(2)}`,
      traceparent.replace(/4b.*36/, '0'.repeat(32)),
      traceparent.toUpperCase(),
    ]) {
      const { traceId, traceparent: made } = createCall({ request, signal, traceparent: bad }).trace;
      expect(made).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
      expect(traceId).toMatch(/^[0-9a-f]{32}$/);
      expect(traceId).not.toBe('4bf92f3577b34da6a3ce929d0e0e4736');
    }
  });

  it('is frozen and has an id of its own', () => {
    const [a, b] = [createCall({ request, signal }), createCall({ request, signal })];
    expect(Object.isFrozen(a)).toBe(true);
    expect(a.id).not.toBe(b.id);
  });
});
