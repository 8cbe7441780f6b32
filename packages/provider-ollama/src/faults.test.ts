import type { ErrorCode } from '@golek/api';
import type { FaultName } from '@golek/faulty-upstream';
import { describe, expect, it } from 'vitest';
import { chat } from './requests.fixture.ts';
import { bench, contextOf, failureOf } from './upstream.fixture.ts';

/** Each fault that ends by itself: the code, and words of the message. */
const FAILURES: readonly (readonly [FaultName, ErrorCode, RegExp])[] = [
  ['reset-before-headers', 'provider_failed', /'faulty' \(127\.0\.0\.1:\d+\) reset the connection \(ECONNRESET\)/],
  ['reset-after-headers', 'provider_failed', /ECONNRESET/],
  ['reset-after-chunks', 'provider_failed', /ECONNRESET/],
  ['busy-with-seconds', 'rate_limited', /answered 429/],
  ['busy-without-time', 'rate_limited', /answered 429/],
  // Ollama's error objects have no code: the status is all that is known.
  ['quota-used-up', 'rate_limited', /answered 429/],
  ['broken-500', 'provider_failed', /answered 500: status 500/],
  ['broken-502', 'provider_failed', /answered 502/],
  ['overloaded-503', 'overloaded', /answered 503/],
  ['late-504', 'deadline_exceeded', /answered 504/],
  ['denied-401', 'provider_denied', /answered 401; check its apiKey/],
  ['refused-400', 'invalid_request', /answered 400: temperature is too hot/],
  ['too-long-400', 'invalid_request', /answered 400/],
  ['unknown-404', 'provider_misconfigured', /check its baseUrl and that it has the model 'unknown-404'/],
  ['moved-301', 'provider_misconfigured', /a redirect, which is not followed/],
  ['cut-by-close', 'provider_failed', /closed the connection/],
  ['cut-by-end', 'provider_failed', /it ended before the object that says 'done'/],
  ['no-finish-reason', 'provider_failed', /it ended before the object that says 'done'/],
  ['malformed-json', 'provider_failed', /broken JSON: \{"model"/],
  ['garbage-lines', 'provider_failed', /broken JSON: this is no event/],
  ['not-an-answer', 'provider_failed', /JSON without 'done': \[1,2,3\]/],
  ['huge-line', 'provider_failed', /longer than the limit of 4194304 bytes/],
  ['empty-200', 'provider_failed', /it ended before the object that says 'done'/],
  ['error-in-200', 'provider_failed', /reported an error in its answer: the engine is on fire/],
  ['html-200', 'provider_failed', /the content type 'text\/html'/],
  ['error-in-stream', 'provider_failed', /reported an error in its answer: the engine is on fire/],
];

describe('an answer with a fault', () => {
  it.each(FAILURES)('%s is %s', async (fault, code, words) => {
    const { ask, upstream } = await bench();
    const error = await failureOf(ask(fault));
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(words)]);
    expect(error.message).not.toContain('sk-very-secret');
    expect(upstream.count).toBe(1);
  });

  it('is embedded with the same codes', async () => {
    const { ask } = await bench();
    const request = { task: 'embed', model: 'm', inputs: ['a', 'bb'] } as const;
    const { embeddings, usage } = await ask('ok', { ...request, inputs: [...request.inputs] });
    expect(embeddings.map(({ length }) => length)).toEqual([4, 4]);
    expect(usage).toEqual({ promptTokens: 2, completionTokens: 0 });
    for (const fault of ['empty-200', 'html-200', 'error-in-200', 'cut-by-end', 'broken-500'] as const) {
      const error = await failureOf(ask(fault, { ...request, inputs: ['a'] }));
      expect(error.code, fault).toBe('provider_failed');
    }
  });
});

describe('an answer', () => {
  it.each(['ok', 'slow-drip', 'split-packets', 'reset-after-finish'] as const)('is right with %s', async (model) => {
    const { ask } = await bench();
    const { choices, usage } = await ask(model, chat('één twee 三 🎈 vier'));
    expect(choices[0]).toMatchObject({ text: 'één twee 三 🎈 vier', finish: 'stop' });
    expect(usage).toEqual({ promptTokens: 5, completionTokens: 5, timings: { prefillMs: 2, decodeMs: 2 } });
  });

  it('may come in one piece, and from an old server without counts', async () => {
    const whole = '{"model":"x","message":{"role":"assistant","content":"whole"},"done":true}';
    const { ask } = await bench(
      {},
      { whole: { kind: 'raw', headers: { 'content-type': 'application/json' }, body: [whole] } },
    );
    const { choices, usage } = await ask('whole');
    expect([choices[0]?.text, choices[0]?.finish, usage]).toEqual(['whole', 'stop', undefined]);
  });
});

describe('connections', () => {
  it('that are refused name the host and the cause', async () => {
    const { open, upstream } = await bench();
    const session = await open('ok');
    await upstream.refuse();
    const error = await failureOf(session.run(chat('a'), contextOf())[Symbol.asyncIterator]().next());
    expect(error.message).toBe(`upstream 'faulty' (127.0.0.1:${upstream.port}) refused the connection (ECONNREFUSED)`);
  });

  it('are closed by an abort, wherever the answer is', async () => {
    const { open, upstream } = await bench();
    for (const model of ['stall-before-headers', 'stall-after-headers', 'stall-after-chunks']) {
      upstream.forget();
      const session = await open(model);
      const client = new AbortController();
      const events = session.run(chat('one two three four'), contextOf(client.signal))[Symbol.asyncIterator]();
      const ended = (async () => {
        while (!(await events.next()).done);
      })();
      await expect.poll(() => upstream.open, { timeout: 10_000 }).toBe(1);
      client.abort();
      expect((await failureOf(ended)).code, model).toBe('cancelled');
      await expect.poll(() => upstream.calls[0]?.state, { timeout: 10_000 }).toBe('abandoned');
    }
  });
});
