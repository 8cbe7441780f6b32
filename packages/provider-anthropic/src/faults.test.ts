import type { ErrorCode } from '@golek/api';
import { FAULTS, type FaultName } from '@golek/faulty-upstream';
import { describe, expect, it } from 'vitest';
import { bench, chat, chatInput, contextOf, failureOf } from './upstream.fixture.ts';

/** Each fault that ends by itself: the code, and words of the message. */
const FAILURES: Readonly<Partial<Record<FaultName, readonly [ErrorCode, RegExp]>>> = {
  'reset-before-headers': ['provider_failed', /'faulty' \(127\.0\.0\.1:\d+\) reset the connection \(ECONNRESET\)/],
  'reset-after-headers': ['provider_failed', /ECONNRESET/],
  'reset-after-chunks': ['provider_failed', /ECONNRESET/],
  'busy-with-seconds': ['rate_limited', /answered 429/],
  'busy-without-time': ['rate_limited', /answered 429/],
  'quota-used-up': ['provider_denied', /answered 429; check its apiKey and account/],
  'broken-500': ['provider_failed', /answered 500/],
  'broken-502': ['provider_failed', /answered 502/],
  'overloaded-503': ['overloaded', /answered 503/],
  'late-504': ['deadline_exceeded', /answered 504/],
  'denied-401': ['provider_denied', /answered 401; check its apiKey/],
  'refused-400': ['invalid_request', /answered 400: temperature is too hot/],
  'too-long-400': ['context_length_exceeded', /answered 400/],
  'unknown-404': ['provider_misconfigured', /check its baseUrl and that it has the model 'unknown-404'/],
  'moved-301': ['provider_misconfigured', /a redirect, which is not followed/],
  'cut-by-close': ['provider_failed', /closed the connection/],
  'cut-by-end': ['provider_failed', /ended without a stop reason|broken JSON/],
  'no-finish-reason': ['provider_failed', /ended without a stop reason|broken JSON/],
  'malformed-json': ['provider_failed', /broken JSON: \{"type"|broken JSON/],
  'garbage-lines': ['provider_failed', /no field of an event: this is no event|broken JSON/],
  'not-an-answer': ['provider_failed', /an event without 'type': \[1,2,3\]|broken JSON/],
  'huge-line': ['provider_failed', /longer than the limit of 4194304 bytes|broken JSON/],
  'empty-200': ['provider_failed', /ended without a stop reason|an empty body/],
  'error-in-200': ['provider_failed', /reported an error in its answer: the engine is on fire/],
  'html-200': ['provider_failed', /the content type 'text\/html'/],
  'error-in-stream': ['provider_failed', /reported an error in its answer: the engine is on fire|broken JSON/],
};

/** What is waited for, and what is an answer all the same. */
const OTHERS: readonly FaultName[] = [
  'ok',
  'slow-drip',
  'split-packets',
  'reset-after-finish',
  'stall-before-headers',
  'stall-after-headers',
  'stall-after-chunks',
];

describe('an answer with a fault', () => {
  it('has a case for each fault', () => {
    expect([...Object.keys(FAILURES), ...OTHERS].sort()).toEqual(Object.keys(FAULTS).sort());
  });

  it.each(Object.entries(FAILURES))('%s, streamed and whole', async (fault, [code, words]) => {
    for (const stream of [true, false]) {
      const { ask, upstream } = await bench({ stream });
      const error = await failureOf(ask(fault));
      expect([error.code, error.message]).toEqual([code, expect.stringMatching(words)]);
      expect(error.message).not.toContain('sk-very-secret');
      expect(error.message.length).toBeLessThan(500);
      expect(upstream.count).toBe(1);
    }
  });

  it('of a stall ends with the idle time', async () => {
    const { ask, upstream } = await bench({ idleTimeoutMs: 300 });
    for (const model of ['stall-before-headers', 'stall-after-headers', 'stall-after-chunks']) {
      expect((await failureOf(ask(model))).code, model).toBe('deadline_exceeded');
    }
    await expect.poll(() => upstream.open).toBe(0);
  });

  it('is no count', async () => {
    const { ask } = await bench();
    const request = { task: 'count', model: 'm', input: chatInput('one two') } as const;
    expect((await ask('ok', request)).count).toBe(2);
    for (const fault of ['empty-200', 'html-200', 'error-in-200', 'cut-by-end', 'broken-500'] as const) {
      expect((await failureOf(ask(fault, request))).code, fault).toBe('provider_failed');
    }
  });
});

describe('an answer', () => {
  it.each(['ok', 'slow-drip', 'split-packets'] as const)('is right with %s', async (model) => {
    for (const stream of [true, false]) {
      const { ask } = await bench({ stream });
      const { choices, usage } = await ask(model, chat('één twee 三 🎈 vier'));
      expect(choices[0]).toMatchObject({ text: 'één twee 三 🎈 vier', finish: 'stop' });
      expect(usage).toEqual({
        promptTokens: 5,
        completionTokens: 5,
        cachedPromptTokens: 1,
        cacheWritePromptTokens: 0,
      });
    }
  });

  it('is whole without message_stop when its stop reason has come', async () => {
    const { ask } = await bench();
    const { choices, usage } = await ask('reset-after-finish');
    expect(choices[0]).toMatchObject({ text: 'one two three four', finish: 'stop' });
    expect(usage?.completionTokens).toBe(4);
  });

  it('has no token counts where none are told', async () => {
    const { ask } = await bench({}, { silent: { kind: 'ok', usage: false } });
    expect((await ask('silent')).usage).toBeUndefined();
  });

  it('is ended by an abort at once', async () => {
    const { open, upstream } = await bench();
    const client = new AbortController();
    const session = await open('stall-after-chunks');
    const ended = failureOf(Array.fromAsync(session.run(chat('one two three four'), contextOf(client.signal))));
    await expect.poll(() => upstream.open).toBe(1);
    client.abort();
    expect((await ended).code).toBe('cancelled');
    await expect.poll(() => upstream.calls[0]?.state).toBe('abandoned');
  });
});

describe('what is sent', () => {
  it('shows key, version and trace, and says none of it in errors', async () => {
    const { open, upstream } = await bench({ betas: ['context-1m-2025-08-07'], headers: { 'x-account': 'acc-12345' } });
    const session = await open('ok');
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await Array.fromAsync(session.run(chat('hi'), { ...contextOf(), traceparent }));
    expect(upstream.calls[0]).toMatchObject({
      path: '/v1/messages',
      headers: {
        'x-api-key': 'sk-very-secret',
        'anthropic-version': '2023-06-01',
        'anthropic-beta': 'context-1m-2025-08-07',
        'x-account': 'acc-12345',
        traceparent,
      },
    });
    expect(upstream.calls[0]?.headers.authorization).toBeUndefined();
    upstream.script({ kind: 'status', status: 400, message: 'bad sk-very-secret of acc-12345 in 2023-06-01' });
    const error = await failureOf(Array.fromAsync(session.run(chat('hi'), contextOf())));
    expect(error.message).toContain('bad [redacted] of [redacted] in 2023-06-01');
  });

  it.each([
    [{ kind: 'status', status: 529, type: 'overloaded_error' }, 'overloaded'],
    [{ kind: 'status', status: 400, type: 'billing_error' }, 'provider_denied'],
    [{ kind: 'status', status: 403, type: 'permission_error' }, 'provider_denied'],
    [{ kind: 'status', status: 413, type: 'request_too_large' }, 'invalid_request'],
    [{ kind: 'status', status: 404, type: 'not_found_error' }, 'provider_misconfigured'],
    [{ kind: 'error-in-stream', after: 3, code: 'overloaded_error' }, 'overloaded'],
    [{ kind: 'error-in-stream', after: 3, code: 'rate_limit_error' }, 'rate_limited'],
    [{ kind: 'error-in-stream', after: 3, code: 'timeout_error' }, 'deadline_exceeded'],
  ] as const)('%j is %s', async (behaviour, code) => {
    const { ask } = await bench({}, { odd: behaviour });
    expect((await failureOf(ask('odd'))).code).toBe(code);
  });
});
