import { rmSync, writeFileSync } from 'node:fs';
import { collect } from '@golek/api/plain';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CONTRACT_MODEL, generate } from '../fixtures/contract-model.ts';
import { IsolatedFake, isAlive } from '../fixtures/isolated-fake.ts';
import type { EmbedRequest, GolekError, InferenceEvent, ModelSession } from '../index.ts';

const { signal } = new AbortController();
const fakes: IsolatedFake[] = [];
const { answer: _, ...contractModel } = CONTRACT_MODEL;
const plainModel = { ...contractModel, contextLength: 1_000_000 };

const isolated = (...options: ConstructorParameters<typeof IsolatedFake>): IsolatedFake => {
  const fake = new IsolatedFake(...options);
  fakes.push(fake);
  return fake;
};

const open = (fake: IsolatedFake, name = 'm'): Promise<ModelSession> =>
  fake.provider.open({ name, location: 'contract' }, { signal });

const run = (session: ModelSession, text: string, ends = signal): AsyncIterator<InferenceEvent> =>
  session.run(generate(text), { id: text, signal: ends })[Symbol.asyncIterator]();

const ask = async (session: ModelSession, text: string): Promise<string | undefined> =>
  (await collect(session.run(generate(text), { id: text, signal }))).choices[0]?.text;

/** Reads to the end; gives what was thrown. */
const failure = async (events: AsyncIterator<InferenceEvent>): Promise<GolekError> => {
  try {
    while (!(await events.next()).done);
  } catch (error) {
    return error as GolekError;
  }
  throw new Error('the run ended without an error');
};

const kill = async (fake: IsolatedFake): Promise<number> => {
  const { pid } = await fake.engine();
  process.kill(pid, 'SIGKILL');
  return pid;
};

afterEach(async () => {
  for (const fake of fakes.splice(0)) await fake[Symbol.asyncDispose]();
});

describe('a crash', () => {
  it('ends the runs in hand with engine_crashed, and the same session works again in another process', async () => {
    const fake = isolated();
    const session = await open(fake);
    const runs = [run(session, 'long a'), run(session, 'long b')];
    for (const events of runs) await events.next();
    const pid = await kill(fake);
    for (const events of runs) {
      const error = await failure(events);
      expect(error).toMatchObject({
        code: 'engine_crashed',
        retryable: true,
        details: { model: 'm', pid, signal: 'SIGKILL' },
      });
      expect(error.message).toContain(`engine of model 'm'`);
      expect((await events.next()).done).toBe(true);
    }
    expect(session.health().status).not.toBe('ok');
    expect(await ask(session, 'hello again')).toBe('hello again');
    expect(session.health()).toEqual({ status: 'ok' });
    expect((await fake.engine()).pid).not.toBe(pid);
    expect(fake.logged).toContainEqual(
      expect.objectContaining({ level: 'error', fields: expect.objectContaining({ pid }) }),
    );
  });

  it('does not touch another model of the provider', async () => {
    const fake = isolated();
    const first = await open(fake, 'first');
    const { pid } = await fake.engine();
    const second = await open(fake, 'second');
    const broken = run(first, 'long');
    const whole = run(second, 'long');
    await Promise.all([broken.next(), whole.next()]);
    process.kill(pid, 'SIGKILL');
    expect((await failure(broken)).code).toBe('engine_crashed');
    let events = 1;
    while (!(await whole.next()).done) events++;
    expect(events).toBe(2_002);
  });

  it.each([
    ['counts those in a row, for the growing delays', { stableMs: 60_000 }, [1, 2, 3]],
    ['counts from the beginning after a stable time', { stableMs: 1 }, [1, 1, 1]],
  ])('%s', async (_, limits, restarts) => {
    const fake = isolated({}, { restartDelayMs: 5, restartMaxDelayMs: 20, ...limits });
    const session = await open(fake);
    for (const restart of restarts) {
      const events = run(session, 'long');
      await events.next();
      await kill(fake);
      expect((await failure(events)).code).toBe('engine_crashed');
      expect(await ask(session, 'alive')).toBe('alive');
      const restarted = fake.logged.filter(({ message }) => message === 'engine restarted').at(-1);
      expect(restarted?.fields).toMatchObject({ model: 'm', restarts: restart });
    }
    expect(fake.children()).toHaveLength(1);
  });

  it('of a child that closes its connection is one, too', async () => {
    const fake = isolated();
    const session = await open(fake);
    const events = run(session, 'disconnect');
    expect(await failure(events)).toMatchObject({ code: 'engine_crashed', details: { signal: 'SIGKILL' } });
    expect(await ask(session, 'alive')).toBe('alive');
  });
});

describe('while the engine does not start again', () => {
  const down = async (limits: { restartDelayMs: number; restartWaitMs: number }) => {
    const fake = isolated({}, { ...limits, restartMaxDelayMs: limits.restartDelayMs });
    const session = await open(fake);
    writeFileSync(fake.crashSwitch, '');
    const events = run(session, 'long');
    await events.next();
    await kill(fake);
    await failure(events);
    // The first start comes at once and fails; the next one is `restartDelayMs` away.
    await vi.waitFor(() => expect(session.health().status).toBe('down'), 10_000);
    return { fake, session };
  };

  it('runs fail at once with the time of the next start, and nothing starts after the model is closed', async () => {
    const { fake, session } = await down({ restartDelayMs: 60_000, restartWaitMs: 1 });
    const error = await failure(run(session, 'too early'));
    expect(error).toMatchObject({ code: 'engine_crashed', retryable: true });
    expect(error.retryAfter).toBeGreaterThanOrEqual(30);
    expect(error.retryAfter).toBeLessThanOrEqual(60);
    expect(error.message).toContain('exit code 9');
    expect(session.health().reason).toContain('exit code 9');
    expect(await fake.provider.health()).toMatchObject({ status: 'degraded', reason: expect.stringContaining('m: ') });
    await session[Symbol.asyncDispose]();
    expect((await failure(run(session, 'too late'))).code).toBe('shutting_down');
    expect(session.health()).toEqual({ status: 'down', reason: 'the model is closed' });
    expect(fake.children()).toEqual([]);
  });

  it('runs wait for a start that is due soon, with their signal', async () => {
    const { fake, session } = await down({ restartDelayMs: 60_000, restartWaitMs: 60_000 });
    const client = new AbortController();
    const waiting = run(session, 'waits', client.signal).next();
    const other = run(session, 'waits, too').next();
    client.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    await Promise.all([expect(other).rejects.toMatchObject({ code: 'shutting_down' }), session[Symbol.asyncDispose]()]);
    expect(fake.children()).toEqual([]);
  });

  it('it is tried again until it does', async () => {
    const { fake, session } = await down({ restartDelayMs: 50, restartWaitMs: 2_000 });
    const answer = ask(session, 'patience');
    await vi.waitFor(() => {
      const failed = fake.logged.filter(({ message }) => message === 'engine restart failed');
      expect(failed.length).toBeGreaterThan(2);
    }, 10_000);
    rmSync(fake.crashSwitch);
    expect(await answer).toBe('patience');
    expect(session.health()).toEqual({ status: 'ok' });
  });
});

describe('a session', () => {
  it('kills a child that hangs and takes it for a crash', async () => {
    const fake = isolated({}, { hangMs: 3_000 });
    const session = await open(fake);
    const error = await failure(run(session, 'block'));
    expect(error).toMatchObject({ code: 'engine_crashed', details: { signal: 'SIGKILL' } });
    expect(error.message).toContain('did not answer for 3000 ms');
    expect(await ask(session, 'alive')).toBe('alive');
  });

  it('kills a child that hangs while it is closed', async () => {
    const fake = isolated({}, { disposeMs: 100 });
    const session = await open(fake);
    const { pid } = await fake.engine();
    const blocked = failure(run(session, 'block'));
    await session[Symbol.asyncDispose]();
    expect((await blocked).code).toBe('shutting_down');
    expect(isAlive(pid)).toBe(false);
  });

  it('keeps the order of 40 runs at once and does not mix them', async () => {
    const session = await open(isolated());
    const prompts = Array.from({ length: 40 }, (_, n) => Array.from({ length: 200 }, (_, i) => `${n}:${i}`).join(' '));
    expect(await Promise.all(prompts.map((prompt) => ask(session, prompt)))).toEqual(prompts);
  });

  it('lets no more than its window pile up for consumers that do not read', async () => {
    const fake = isolated({ model: { ...plainModel, answer: Array.from({ length: 100_000 }, () => 'x') } });
    const session = await open(fake);
    const stalled = Array.from({ length: 5 }, () => run(session, 'any'));
    for (const events of stalled) await events.next();
    await ask(session, 'environment');
    await vi.waitFor(async () => expect((await fake.engine()).active).toBe(5));
    expect((await fake.engine()).pulled).toBeLessThanOrEqual(5 * 33);
    for (const events of stalled) await events.return?.();
    await vi.waitFor(async () => expect((await fake.engine()).active).toBe(0));
  });

  it('carries a flood of events whole', async () => {
    const answer = Array.from({ length: 50_000 }, (_, i) => `${i},`);
    const session = await open(isolated({ model: { ...plainModel, answer } }));
    const text = await ask(session, 'any');
    expect(text === answer.join('')).toBe(true);
  });

  it('carries typed arrays as they are', async () => {
    const session = await open(isolated());
    const { tensors } = await collect(session.run(generate('tensors'), { id: 't', signal }));
    expect(tensors).toHaveLength(50);
    expect(
      tensors.every(({ data }, i) => data instanceof Uint8Array && data.length === 2 ** 20 && data.at(-1) === i),
    ).toBe(true);
    const request: EmbedRequest = { task: 'embed', model: 'm', inputs: ['a', 'b'] };
    const { embeddings } = await collect(session.run(request, { id: 'e', signal }));
    expect(embeddings.map((vector) => [vector.constructor, vector.length])).toEqual([
      [Float32Array, 16],
      [Float32Array, 16],
    ]);
  });

  it('reads a flood on stderr in bounded memory and logs a part of it', async () => {
    const fake = isolated();
    const session = await open(fake);
    const before = process.memoryUsage().rss;
    expect(await ask(session, 'flood')).toBe('flooded');
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
    // The answer comes over another pipe, which may be read first.
    const lines = await vi.waitFor(() => {
      const logged = fake.logged.filter(({ message }) => message === 'engine output');
      expect(logged.length).toBeGreaterThan(0);
      return logged;
    }, 10_000);
    expect(lines.every(({ fields }) => String(fields['line']).length <= 500)).toBe(true);
  });

  it('passes the id and the trace of a run', async () => {
    const session = await open(isolated());
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const { choices } = await collect(session.run(generate('context'), { id: 'run-7', signal, traceparent }));
    expect(JSON.parse(choices[0]?.text ?? '')).toEqual({ id: 'run-7', traceparent });
  });

  it('passes whose run it is, and the time left to it by the clock of the child', async () => {
    const session = await open(isolated());
    const facts = { tenant: 'acme', priority: -3, deadline: performance.now() + 60_000 };
    const { choices } = await collect(session.run(generate('context'), { id: 'run-8', signal, ...facts }));
    const seen = JSON.parse(choices[0]?.text ?? '') as { readonly leftMs: number };
    expect(seen).toMatchObject({ id: 'run-8', tenant: 'acme', priority: -3 });
    expect(seen.leftMs).toBeLessThan(60_001);
    expect(seen.leftMs).toBeGreaterThan(50_000);
  });

  it('gives its child few environment variables', async () => {
    vi.stubEnv('GOLEK_TEST_SECRET', 'secret');
    vi.stubEnv('TZ', 'Asia/Jakarta');
    const session = await open(isolated());
    vi.unstubAllEnvs();
    const variables = ((await ask(session, 'environment')) ?? '').split('\0');
    expect(variables).toEqual(expect.arrayContaining(['TZ=Asia/Jakarta', 'GIVEN_TO_CHILD=yes']));
    expect(variables.filter((variable) => /^(GOLEK_|NODE_OPTIONS|VITEST)/.test(variable))).toEqual([]);
  });

  it('ends only the run whose event cannot cross the border', async () => {
    const session = await open(isolated());
    const other = ask(session, 'other words');
    const error = await failure(run(session, 'unclonable'));
    expect(error).toMatchObject({ code: 'provider_failed', message: expect.stringContaining('could not be cloned') });
    expect(await other).toBe('other words');
    expect(await ask(session, 'alive')).toBe('alive');
  });

  it('refuses requests that cannot cross the border', async () => {
    const session = await open(isolated({}, { maxMessageBytes: 100_000 }));
    expect((await failure(run(session, 'x'.repeat(100_000)))).code).toBe('request_too_large');
    const odd = { ...generate('x'), user: (() => 'a function') as unknown as string };
    const events = session.run(odd, { id: 'odd', signal })[Symbol.asyncIterator]();
    expect((await failure(events)).code).toBe('invalid_request');
    const large = await failure(run(session, 'tensors'));
    expect(large).toMatchObject({ code: 'provider_failed', message: expect.stringContaining('maxMessageBytes') });
    expect(await ask(session, 'alive')).toBe('alive');
  });

  it('refuses more runs than it may hold', async () => {
    const session = await open(isolated({}, { maxRuns: 2 }));
    const held = [run(session, 'long'), run(session, 'long')];
    for (const events of held) await events.next();
    const third = run(session, 'hello');
    expect((await failure(third)).code).toBe('overloaded');
    await held[0]?.return?.();
    expect(await ask(session, 'hello')).toBe('hello');
  });

  it('tells the reason of an abort to the engine', async () => {
    const session = await open(isolated({ model: { ...plainModel, hang: { at: 1 } } }));
    const late = run(session, 'hello', AbortSignal.timeout(50));
    expect((await failure(late)).code).toBe('deadline_exceeded');
  });
});
