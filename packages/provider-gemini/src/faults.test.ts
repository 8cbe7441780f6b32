import type { ErrorCode } from '@golek/api';
import { FAULTS, type Behaviour, type FaultName } from '@golek/faulty-upstream';
import { describe, expect, it } from 'vitest';
import { bench, chat, chatInput, contextOf, failureOf } from './upstream.fixture.ts';

/** Each fault that ends by itself: the code, and words of the message. */
const FAILURES: Readonly<Partial<Record<FaultName, readonly [ErrorCode, RegExp]>>> = {
  'reset-before-headers': ['provider_failed', /'faulty' \(127\.0\.0\.1:\d+\) reset the connection \(ECONNRESET\)/],
  'reset-after-headers': ['provider_failed', /ECONNRESET/],
  'reset-after-chunks': ['provider_failed', /ECONNRESET/],
  'busy-with-seconds': ['rate_limited', /answered 429/],
  'busy-without-time': ['rate_limited', /answered 429/],
  // A quota that is used up and one of this minute have the same canonical code.
  'quota-used-up': ['rate_limited', /answered 429/],
  'broken-500': ['provider_failed', /answered 500/],
  'broken-502': ['provider_failed', /answered 502/],
  'overloaded-503': ['overloaded', /answered 503/],
  'late-504': ['deadline_exceeded', /answered 504/],
  'denied-401': ['provider_denied', /answered 401; check its apiKey/],
  'refused-400': ['invalid_request', /answered 400: temperature is too hot/],
  // There is no code for a prompt that is too long.
  'too-long-400': ['invalid_request', /answered 400/],
  'unknown-404': ['provider_misconfigured', /check its baseUrl and that it has the model 'unknown-404'/],
  'moved-301': ['provider_misconfigured', /a redirect, which is not followed/],
  'cut-by-close': ['provider_failed', /closed the connection/],
  'cut-by-end': ['provider_failed', /ended after 0 of 1 finish reasons|broken JSON/],
  'no-finish-reason': ['provider_failed', /ended after 0 of 1 finish reasons|broken JSON/],
  'malformed-json': ['provider_failed', /broken JSON: \{"candidates"|broken JSON/],
  'garbage-lines': ['provider_failed', /no field of an event: this is no event|broken JSON/],
  'not-an-answer': ['provider_failed', /JSON without 'candidates': \[1,2,3\]|broken JSON/],
  'huge-line': ['provider_failed', /longer than the limit of 4194304 bytes|broken JSON/],
  'empty-200': ['provider_failed', /ended after 0 of 1 finish reasons|an empty body/],
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
      });
    }
  });

  it('is whole when its finish reason has come, however the connection ends', async () => {
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

describe('embeddings', () => {
  it('come in batches that the service takes, in their order, with the counts of all', async () => {
    const { ask, upstream } = await bench();
    const inputs = Array.from({ length: 230 }, (_, index) => 'x'.repeat(index + 1));
    const { embeddings, usage } = await ask('ok', { task: 'embed', model: 'm', inputs }, { tasks: ['embed'] });
    expect(embeddings.map((vector) => Math.round((vector[1] ?? 0) * 64))).toEqual(inputs.map(({ length }) => length));
    expect(usage).toEqual({ promptTokens: 230, completionTokens: 0 });
    expect(upstream.calls.map(({ body }) => (body as { requests: object[] }).requests.length)).toEqual([100, 100, 30]);
  });

  it('that are cut have the length 1 again', async () => {
    const { ask } = await bench();
    const request = { task: 'embed', model: 'm', inputs: ['abcd'], dimensions: 4 } as const;
    const { embeddings } = await ask('ok', { ...request, inputs: ['abcd'] }, { tasks: ['embed'] });
    expect(Math.hypot(...(embeddings[0] ?? []))).toBeCloseTo(1, 5);
  });

  it('have the same failures', async () => {
    const { ask, open } = await bench();
    const request = { task: 'embed' as const, model: 'm', inputs: ['a', 'b'] };
    for (const fault of ['empty-200', 'html-200', 'error-in-200', 'cut-by-end', 'broken-500'] as const) {
      expect((await failureOf(ask(fault, request, { tasks: ['embed'] }))).code, fault).toBe('provider_failed');
    }
    const session = await open('ok');
    expect((await failureOf(Array.fromAsync(session.run(request, contextOf())))).code).toBe('unsupported');
  });

  it('stop between batches when nobody wants the rest', async () => {
    const { open, upstream } = await bench();
    const session = await open('ok', { tasks: ['embed'] });
    const inputs = Array.from({ length: 150 }, () => 'x');
    for await (const event of session.run({ task: 'embed', model: 'm', inputs }, contextOf())) {
      expect(event).toMatchObject({ type: 'embedding', index: 0 });
      break;
    }
    expect(upstream.count).toBe(1);
    await expect.poll(() => upstream.open).toBe(0);
  });
});

describe('what is sent', () => {
  it('shows the key in a header and the trace, and says none of it in errors', async () => {
    const { open, upstream } = await bench({ headers: { 'x-account': 'acc-12345' } });
    const session = await open('ok');
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await Array.fromAsync(session.run(chat('hi'), { ...contextOf(), traceparent }));
    expect(upstream.calls[0]).toMatchObject({
      path: '/v1beta/models/ok:streamGenerateContent',
      headers: { 'x-goog-api-key': 'sk-very-secret', 'x-account': 'acc-12345', traceparent },
      body: { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] },
    });
    expect(upstream.calls[0]?.headers.authorization).toBeUndefined();
    upstream.script({ kind: 'status', status: 400, message: 'bad sk-very-secret of acc-12345' });
    const error = await failureOf(Array.fromAsync(session.run(chat('hi'), contextOf())));
    expect(error.message).toContain('bad [redacted] of [redacted]');
  });

  it('goes on with another key where one is not valid', async () => {
    const { ask, upstream } = await bench({ apiKeys: ['first-key', 'second-key'] });
    upstream.script({ kind: 'status', status: 400, code: 'API_KEY_INVALID' });
    expect((await ask('ok')).choices[0]?.finish).toBe('stop');
    expect(upstream.calls.map(({ headers }) => headers['x-goog-api-key'])).toEqual(['first-key', 'second-key']);
  });

  it('has several choices where they are asked for', async () => {
    const { ask } = await bench();
    const { choices, usage } = await ask('ok', chat('one two', { choices: 3 }));
    expect(choices.map(({ text, finish }) => [text, finish])).toEqual(Array(3).fill(['one two', 'stop']));
    expect(usage?.completionTokens).toBe(6);
  });
});

const status = (code: number, name: string, ...details: readonly object[]): string =>
  JSON.stringify({ error: { code, status: name, message: 'so it is', details } });
const detail = (type: string, fields: object): object => ({
  '@type': `type.googleapis.com/google.rpc.${type}`,
  ...fields,
});

describe("Google's errors", () => {
  it.each([
    [400, status(400, 'INVALID_ARGUMENT', detail('ErrorInfo', { reason: 'API_KEY_INVALID' })), 'provider_denied'],
    [400, status(400, 'INVALID_ARGUMENT'), 'invalid_request'],
    [400, status(400, 'FAILED_PRECONDITION'), 'provider_denied'],
    [403, status(403, 'PERMISSION_DENIED', detail('ErrorInfo', { reason: 'SERVICE_DISABLED' })), 'provider_denied'],
    [404, status(404, 'NOT_FOUND'), 'provider_misconfigured'],
    [429, status(429, 'RESOURCE_EXHAUSTED'), 'rate_limited'],
    [499, status(499, 'CANCELLED'), 'provider_failed'],
    [500, status(500, 'INTERNAL'), 'provider_failed'],
    [503, status(503, 'UNAVAILABLE'), 'overloaded'],
    [504, status(504, 'DEADLINE_EXCEEDED'), 'deadline_exceeded'],
  ] as const)('%i %s is %s, as status and within a stream', async (code, body, expected) => {
    const headers = { 'content-type': 'application/json' };
    const { ask } = await bench(
      {},
      {
        refused: { kind: 'raw', status: code, headers, body: [body] },
        within: { kind: 'raw', body: ['data: {"candidates":[]}\r\n\r\n', `data: ${body}\r\n\r\n`] },
        list: { kind: 'raw', headers, body: [`[${body}]`] },
      },
    );
    for (const model of ['refused', 'within', 'list']) {
      expect((await failureOf(ask(model))).code, model).toBe(expected);
    }
  });

  it('say when to ask again', async () => {
    const retry = (retryDelay: string) => status(429, 'RESOURCE_EXHAUSTED', detail('RetryInfo', { retryDelay }));
    const refused = (delay: string, headers = {}): Behaviour => ({
      kind: 'raw',
      status: 429,
      headers: { 'content-type': 'application/json', ...headers },
      body: [retry(delay)],
    });
    const { ask } = await bench(
      {},
      {
        seconds: refused('34.074824224s'),
        header: refused('34s', { 'retry-after': '2' }),
        never: refused('9999999s'),
        odd: refused('soon'),
        within: { kind: 'raw', body: [`data: ${retry('7s')}\n\n`] },
      },
    );
    const waits = await Promise.all(
      ['seconds', 'header', 'never', 'odd', 'within'].map(async (model) => (await failureOf(ask(model))).retryAfter),
    );
    expect(waits).toEqual([34.074824224, 2, undefined, undefined, 7]);
  });
});
