import { GolekError, type ErrorCode } from '@golek/api';
import { FAULTS, type FaultName } from '@golek/faulty-upstream';
import type { ModelSession } from '@golek/providers-spi';
import { describe, expect, it } from 'vitest';
import { APIS, bench, chat, contextOf, failureOf } from './upstream.fixture.ts';

const CUT = /ended after 0 of 1 finish reasons|ended without 'response\.completed'/;

/** Each fault that ends by itself: the code, and words of the message. */
const FAILURES: readonly (readonly [FaultName, ErrorCode, RegExp])[] = [
  ['reset-before-headers', 'provider_failed', /'faulty' \(127\.0\.0\.1:\d+\) reset the connection \(ECONNRESET\)/],
  ['reset-after-headers', 'provider_failed', /ECONNRESET/],
  ['reset-after-chunks', 'provider_failed', /ECONNRESET/],
  ['busy-with-seconds', 'rate_limited', /answered 429/],
  ['busy-without-time', 'rate_limited', /answered 429/],
  ['quota-used-up', 'provider_denied', /answered 429; check its apiKey and account/],
  ['broken-500', 'provider_failed', /answered 500/],
  ['broken-502', 'provider_failed', /answered 502/],
  ['overloaded-503', 'overloaded', /answered 503/],
  ['late-504', 'deadline_exceeded', /answered 504/],
  ['denied-401', 'provider_denied', /answered 401; check its apiKey/],
  ['refused-400', 'invalid_request', /answered 400: temperature is too hot/],
  ['too-long-400', 'context_length_exceeded', /answered 400/],
  ['unknown-404', 'provider_misconfigured', /check its baseUrl and that it has the model 'unknown-404'/],
  ['moved-301', 'provider_misconfigured', /a redirect, which is not followed/],
  ['cut-by-close', 'provider_failed', /closed the connection/],
  ['cut-by-end', 'provider_failed', CUT],
  ['no-finish-reason', 'provider_failed', CUT],
  ['malformed-json', 'provider_failed', /broken JSON: \{"(choices|type)"/],
  ['garbage-lines', 'provider_failed', /no field of an event: this is no event/],
  ['not-an-answer', 'provider_failed', /(JSON without 'choices'|an event without 'type'): \[1,2,3\]/],
  ['huge-line', 'provider_failed', /longer than the limit of 4194304 bytes/],
  ['empty-200', 'provider_failed', CUT],
  ['error-in-200', 'provider_failed', /reported an error in its answer: the engine is on fire/],
  ['html-200', 'provider_failed', /the content type 'text\/html'/],
  ['error-in-stream', 'provider_failed', /reported an error in its answer: the engine is on fire/],
];

describe.each(APIS)('a streamed answer of the API %s with a fault', (api) => {
  it.each(FAILURES)('%s is %s', async (fault, code, words) => {
    const { ask, upstream } = await bench({}, FAULTS, api);
    const error = await failureOf(ask(fault));
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(words)]);
    expect(error.message).not.toContain('sk-very-secret');
    expect(error.message.length).toBeLessThan(500);
    expect(upstream.count).toBe(1);
  });
});

describe.each(APIS)('a whole answer of the API %s with a fault', (api) => {
  const whole = FAILURES.filter(
    // What is about events of a stream has no counterpart.
    ([fault]) =>
      !['no-finish-reason', 'garbage-lines', 'not-an-answer', 'huge-line', 'error-in-stream'].includes(fault),
  );

  it.each(whole)('%s is %s', async (fault, code) => {
    const { ask, upstream } = await bench({ stream: false }, FAULTS, api);
    const error = await failureOf(ask(fault));
    expect(error.code).toBe(code);
    expect(upstream.count).toBe(1);
  });

  it('says that a body is empty or broken', async () => {
    const { ask } = await bench({ stream: false }, FAULTS, api);
    expect((await failureOf(ask('empty-200'))).message).toContain('an empty body');
    expect((await failureOf(ask('cut-by-end'))).message).toContain('broken JSON');
    expect((await failureOf(ask('html-200'))).message).toContain("content type 'text/html'");
  });
});

describe.each(APIS)('an answer of the API %s', (api) => {
  it.each(['ok', 'slow-drip', 'split-packets'] as const)('is right with %s', async (model) => {
    for (const stream of [true, false]) {
      const { ask } = await bench({ stream }, FAULTS, api);
      const { choices, usage, warnings } = await ask(model, chat('één twee 三 🎈 vier'));
      expect(choices[0]).toMatchObject({ text: 'één twee 三 🎈 vier', finish: 'stop' });
      expect(usage).toEqual({
        promptTokens: 5,
        completionTokens: 5,
        cachedPromptTokens: 1,
        ...(api === 'responses' && { reasoningTokens: 0 }),
      });
      expect(warnings).toEqual([]);
    }
  });

  it('tells no usage that nobody told', async () => {
    const { ask } = await bench({}, { silent: { kind: 'ok', usage: false } }, api);
    expect((await ask('silent')).usage).toBeUndefined();
  });

  it('on which nothing comes is given up after the idle time', async () => {
    const { ask, upstream } = await bench({ idleTimeoutMs: 300 }, FAULTS, api);
    for (const model of ['stall-before-headers', 'stall-after-headers', 'stall-after-chunks']) {
      expect((await failureOf(ask(model))).code, model).toBe('deadline_exceeded');
    }
    await expect.poll(() => upstream.open).toBe(0);
  });

  it('closes its connection at once by an abort, wherever it is', { timeout: 60_000 }, async () => {
    const { open, upstream } = await bench({}, FAULTS, api);
    for (const model of ['stall-before-headers', 'stall-after-headers', 'stall-after-chunks']) {
      upstream.forget();
      const session = await open(model);
      const client = new AbortController();
      const events = session.run(chat('one two three four'), contextOf(client.signal))[Symbol.asyncIterator]();
      const ended = (async () => {
        while (!(await events.next()).done);
      })();
      await expect.poll(() => upstream.open, { timeout: 10_000 }).toBe(1);
      const at = performance.now();
      client.abort();
      expect((await failureOf(ended)).code, model).toBe('cancelled');
      await expect.poll(() => upstream.calls[0]?.state, { timeout: 10_000 }).toBe('abandoned');
      expect((upstream.calls[0]?.endedAt ?? Infinity) - at, model).toBeLessThan(1_000);
    }
  });
});

it('an answer of the Responses API is whole when its last event has come', async () => {
  const { ask } = await bench({}, FAULTS, 'responses');
  const { choices, usage } = await ask('reset-after-finish');
  expect(choices[0]).toMatchObject({ text: 'one two three four', finish: 'stop' });
  expect(usage).toMatchObject({ promptTokens: 4, completionTokens: 4 });
});

describe('an answer', () => {
  it('is whole without [DONE] when its finish reason has come, and tells no usage that nobody told', async () => {
    const { ask } = await bench();
    const { choices, usage } = await ask('reset-after-finish');
    expect(choices[0]).toMatchObject({ text: 'one two three four', finish: 'stop' });
    expect(usage).toBeUndefined();
  });

  it('is not waited for longer than it takes to tell token counts', async () => {
    // The role, four words and the finish reason.
    const { ask } = await bench({}, { silent: { kind: 'stall', at: 6 } });
    const { choices, usage } = await ask('silent');
    expect(choices[0]).toMatchObject({ text: 'one two three four', finish: 'stop' });
    expect(usage).toBeUndefined();
  });

  it('may have one object where a stream was asked for, and no content type', async () => {
    const body = ['{"choices":[{"index":0,"message":{"content":"whole"},"finish_reason":"stop"}],', '"usage":null}'];
    const { ask } = await bench(
      {},
      {
        whole: { kind: 'raw', headers: { 'content-type': 'application/json; charset=utf-8' }, body },
        problem: {
          kind: 'raw',
          headers: { 'content-type': 'application/problem+json' },
          body: ['{"error":{"code":503}}'],
        },
        packed: { kind: 'raw', headers: { 'content-encoding': 'gzip' }, body: ['\u001f'] },
      },
    );
    expect((await ask('whole')).choices[0]?.text).toBe('whole');
    expect((await failureOf(ask('problem'))).code).toBe('overloaded');
    expect((await failureOf(ask('packed'))).message).toContain("content encoding 'gzip', which was not asked for");
  });

  it('is embedded', async () => {
    const { ask } = await bench();
    const { embeddings, usage } = await ask('ok', { task: 'embed', model: 'm', inputs: ['a', 'bb'] });
    expect(embeddings.map(({ length }) => length)).toEqual([4, 4]);
    expect(usage).toEqual({ promptTokens: 2, completionTokens: 0 });
    for (const fault of ['empty-200', 'html-200', 'error-in-200', 'cut-by-end', 'broken-500'] as const) {
      expect((await failureOf(ask(fault, { task: 'embed', model: 'm', inputs: ['a'] }))).code, fault).toBe(
        'provider_failed',
      );
    }
  });
});

describe('connections', () => {
  it('that are refused name the host and the cause', async () => {
    const { ask, upstream } = await bench();
    await upstream.refuse();
    const error = await failureOf(ask('ok'));
    expect(error.code).toBe('provider_failed');
    expect(error.message).toBe(`upstream 'faulty' (127.0.0.1:${upstream.port}) refused the connection (ECONNREFUSED)`);
    await upstream.accept();
    await expect(ask('ok')).resolves.toBeDefined();
  });

  it('with an unknown host name the cause', async () => {
    const { ask } = await bench({ baseUrl: 'http://no-such-host.invalid/v1' });
    expect((await failureOf(ask('ok'))).message).toMatch(/no-such-host\.invalid.*(ENOTFOUND|EAI_AGAIN)/);
  });

  it('are not used by a request that is aborted before it has one', async () => {
    const { open, ask, upstream } = await bench({ connections: 1 });
    const session = await open('ok');
    const client = new AbortController();
    const first = failureOf(session.run(chat('a'), contextOf(client.signal))[Symbol.asyncIterator]().next());
    client.abort();
    expect((await first).code).toBe('cancelled');
    await ask('ok');
    expect(upstream.count).toBe(1);
  });

  it('are kept for the next request', async () => {
    const { ask, upstream } = await bench({ connections: 1 });
    for (let index = 0; index < 5; index++) await ask('ok');
    const ports = new Set(upstream.calls.map(({ port }) => port));
    expect(ports.size).toBe(1);
  });

  it('are shared in order, and too many that wait are refused', async () => {
    const { open, upstream } = await bench({ connections: 2, queueLimit: 1 });
    const session = await open('stall-after-chunks');
    const good = await open('ok');
    const held = [1, 2].map(() => session.run(chat('a b c d e'), contextOf())[Symbol.asyncIterator]());
    await Promise.all(held.map((events) => events.next()));
    const waiting = good.run(chat('a'), contextOf())[Symbol.asyncIterator]();
    const first = waiting.next();
    const refused = await failureOf(good.run(chat('a'), contextOf())[Symbol.asyncIterator]().next());
    expect(refused).toMatchObject({ code: 'overloaded', details: { upstream: 'faulty', waiting: 1 } });
    await held[0]?.return?.();
    await expect(first).resolves.toMatchObject({ value: { type: 'text', text: 'a' } });
    await Promise.all([waiting.return?.(), held[1]?.return?.()]);
    expect(upstream.count).toBe(3);
  });
});

describe('what is asked', () => {
  it('carries key and trace, and neither is in any error', async () => {
    const { open, upstream } = await bench({ headers: { 'x-account': 'account-12345' } });
    const session = await open('ok');
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const events = session.run(chat('hi'), { ...contextOf(), traceparent });
    await Array.fromAsync(events);
    expect(upstream.calls[0]?.headers).toMatchObject({
      authorization: 'Bearer sk-very-secret',
      'x-account': 'account-12345',
      traceparent,
    });
    upstream.script(
      { kind: 'status', status: 400, message: 'bad sk-very-secret of account-12345' },
      { kind: 'status', status: 401, message: 'Incorrect API key provided: sk-very-secret' },
    );
    const texts = [JSON.stringify(await failureOf(drain(session))), JSON.stringify(await failureOf(drain(session)))];
    expect(texts[0]).toContain('bad [redacted] of [redacted]');
    for (const text of texts) expect(text).not.toMatch(/sk-very-secret|account-12345|Incorrect/);
  });

  it('is not read faster than its reader reads', async () => {
    const { open, upstream } = await bench({}, { endless: { kind: 'endless' } });
    const session = await open('endless');
    const events = session.run(chat('go on'), contextOf())[Symbol.asyncIterator]();
    await events.next();
    let before = -1;
    // The sockets' own buffers fill first.
    await expect
      .poll(
        () => {
          const now = upstream.calls[0]?.bytes ?? 0;
          const still = now === before;
          before = now;
          return still;
        },
        { interval: 200, timeout: 20_000 },
      )
      .toBe(true);
    expect(before).toBeLessThan(32 * 1024 * 1024);
    for (let index = 0; index < 20_000; index++) await events.next();
    expect(upstream.calls[0]?.bytes).toBeGreaterThan(before);
    await events.return?.();
    await expect.poll(() => upstream.open).toBe(0);
  });

  it('has an end, however long the answer', async () => {
    const { ask } = await bench({ maxResponseBytes: 100_000 }, { endless: { kind: 'endless' } });
    const error = await failureOf(ask('endless'));
    expect([error.code, error.message]).toEqual(['provider_failed', expect.stringContaining('limit of 100000 bytes')]);
  });
});

describe('health', () => {
  it('is what the last requests came to', async () => {
    const { open, provider, upstream } = await bench();
    const seen: string[] = [];
    const { signal } = new AbortController();
    const session = await provider.open(
      { name: 'm', location: 'ok' },
      { signal, onHealth: ({ status }) => seen.push(status) },
    );
    const good = await open('ok');
    upstream.script(...Array.from({ length: 3 }, () => ({ kind: 'status', status: 500 }) as const));
    for (let index = 0; index < 3; index++) await failureOf(drain(session));
    expect(session.health()).toMatchObject({ status: 'down', reason: expect.stringContaining('answered 500') });
    expect((await provider.health()).status).toBe('down');
    expect(good.health().status).toBe('ok');
    upstream.script({ kind: 'status', status: 400, type: 'invalid_request_error' });
    await failureOf(drain(session));
    expect(session.health()).toEqual({ status: 'ok' });
    expect(seen).toEqual(['degraded', 'down', 'ok']);
  });

  it('suffers from a silence that somebody ends for its length, not from a client that leaves', async () => {
    const { open, upstream } = await bench();
    const session = await open('stall-after-headers');
    for (const [reason, status] of [
      [new GolekError('cancelled', 'the client left'), 'ok'],
      [new GolekError('deadline_exceeded', 'no first token within 10 ms'), 'degraded'],
    ] as const) {
      const caller = new AbortController();
      const ended = failureOf(Array.fromAsync(session.run(chat('hi'), contextOf(caller.signal))));
      await expect.poll(() => upstream.open).toBe(1);
      caller.abort(reason);
      expect(await ended).toBe(reason);
      expect(session.health().status).toBe(status);
      await expect.poll(() => upstream.open).toBe(0);
    }
  });
});

const drain = (session: ModelSession): Promise<unknown> => Array.fromAsync(session.run(chat('hi'), contextOf()));
