import { collect, type ErrorCode, type GenerateRequest, type InferenceEvent, type InferenceResult } from '@golek/api';
import type { ModelSession } from '@golek/providers-spi';
import { describe, expect, it } from 'vitest';
import type { Behaviour } from './behaviour.ts';
import { FAULTS } from './faults.ts';
import { contextOf, failureOf, type UpstreamBench } from './upstream-bench.ts';

type Bench = Pick<UpstreamBench<object>, 'open' | 'upstream'>;

/** A provider that can ask for an answer in one piece. */
export interface WholeAnswerSetup {
  /** Starts an upstream with these models and a provider with these settings. */
  readonly bench: (
    settings: { readonly idleTimeoutMs?: number; readonly maxResponseBytes?: number },
    models: Readonly<Record<string, Behaviour>>,
  ) => Promise<Bench>;
  readonly request: GenerateRequest;
}

const LONG_MS = 60_000;

const JSON_TYPE = { 'content-type': 'application/json' };

const MODELS = {
  ...FAULTS,
  'broken-json': { kind: 'raw', headers: JSON_TYPE, body: ['{"model":"m",'] },
  'empty-object': { kind: 'raw', headers: JSON_TYPE, body: ['{}'] },
  'no-object': { kind: 'raw', headers: JSON_TYPE, body: ['null'] },
  'a-list': { kind: 'raw', headers: JSON_TYPE, body: ['[1,', '2,3]'] },
  'plain-text': { kind: 'raw', headers: { 'content-type': 'text/plain' }, body: ['one two three four'] },
  packed: { kind: 'raw', headers: { ...JSON_TYPE, 'content-encoding': 'gzip' }, body: ['\u001f'] },
  'very-long': { kind: 'ok', words: 20_000 },
} as const satisfies Readonly<Record<string, Behaviour>>;

/** What fails, and words of the message. */
const FAILURES: readonly (readonly [keyof typeof MODELS, ErrorCode, RegExp])[] = [
  ['reset-before-headers', 'provider_failed', /ECONNRESET/],
  ['reset-after-headers', 'provider_failed', /ECONNRESET/],
  ['reset-after-chunks', 'provider_failed', /ECONNRESET/],
  ['cut-by-close', 'provider_failed', /closed the connection/],
  ['cut-by-end', 'provider_failed', /broken JSON/],
  ['broken-json', 'provider_failed', /broken JSON: \{"model":"m",/],
  ['empty-object', 'provider_failed', /JSON without '\w+': \{\}/],
  ['no-object', 'provider_failed', /JSON without '\w+': null/],
  ['a-list', 'provider_failed', /JSON without '\w+': \[1,2,3\]/],
  ['empty-200', 'provider_failed', /an empty body/],
  ['error-in-200', 'provider_failed', /reported an error in its answer: the engine is on fire/],
  ['html-200', 'provider_failed', /the content type 'text\/html'/],
  ['plain-text', 'provider_failed', /the content type 'text\/plain'/],
  ['packed', 'provider_failed', /the content encoding 'gzip', which was not asked for/],
  ['very-long', 'provider_failed', /longer than the limit of 100000 bytes/],
  ['overloaded-503', 'overloaded', /answered 503/],
];

const askWhole = (session: ModelSession, request: GenerateRequest, wholeMs = LONG_MS): Promise<InferenceResult> =>
  collect(session.run(request, { ...contextOf(), wholeMs }));

/** What every provider does that can ask for an answer in one piece, and what becomes of answers that are none. */
export const wholeAnswers = ({ bench, request }: WholeAnswerSetup): void => {
  describe('an answer in one piece', () => {
    it.each(['ok', 'slow-drip', 'split-packets'] as const)('is the streamed one, with %s', async (model) => {
      const { open, upstream } = await bench({}, MODELS);
      const session = await open(model);
      expect(session.capabilities.whole).toBe(true);
      expect(await askWhole(session, request)).toEqual(await collect(session.run(request, contextOf())));
      const [whole, streamed] = upstream.calls.map(({ headers }) => headers.accept);
      expect(whole).toBe('application/json');
      expect(streamed).not.toBe(whole);
    });

    it.each(FAILURES)('fails with %s', async (model, code, words) => {
      const { open, upstream } = await bench({ maxResponseBytes: 100_000 }, MODELS);
      const error = await failureOf(askWhole(await open(model), request));
      expect([error.code, error.message]).toEqual([code, expect.stringMatching(words)]);
      expect(error.message).not.toContain('sk-very-secret');
      expect(error.message.length).toBeLessThan(500);
      expect(upstream.count).toBe(1);
    });

    it('is waited for as long as the run says, not as long as a stream may be silent', async () => {
      const { open } = await bench({ idleTimeoutMs: 100 }, MODELS);
      const session = await open('stall-before-headers');
      const client = new AbortController();
      const patient = collect(session.run(request, { ...contextOf(client.signal), wholeMs: LONG_MS }));
      const impatient = [collect(session.run(request, contextOf())), askWhole(session, request, 200)];
      const failures = await Promise.all(impatient.map(failureOf));
      expect(failures.map(({ code }) => code)).toEqual(['deadline_exceeded', 'deadline_exceeded']);
      client.abort();
      expect((await failureOf(patient)).code).toBe('cancelled');
    });

    it.each(['stall-before-headers', 'stall-after-headers', 'stall-after-chunks'] as const)(
      'ends with a client that leaves, with %s',
      async (model) => {
        const { open, upstream } = await bench({}, MODELS);
        const session = await open(model);
        const client = new AbortController();
        const ended = failureOf(collect(session.run(request, { ...contextOf(client.signal), wholeMs: LONG_MS })));
        await expect.poll(() => upstream.open).toBe(1);
        client.abort();
        expect((await ended).code).toBe('cancelled');
        await expect.poll(() => upstream.calls[0]?.state).toBe('abandoned');
      },
    );

    it('that began and goes no further ends with the idle time', async () => {
      const { open, upstream } = await bench({ idleTimeoutMs: 300 }, MODELS);
      for (const model of ['stall-after-headers', 'stall-after-chunks'] as const)
        expect((await failureOf(askWhole(await open(model), request))).code, model).toBe('deadline_exceeded');
      await expect.poll(() => upstream.open).toBe(0);
    });
  });
};

/** What one answer comes to: collected, with the blocks of reasoning that somebody signed. */
export interface ReadAnswer {
  readonly result: InferenceResult;
  readonly signed: readonly InferenceEvent[];
}

const read = async (events: AsyncIterable<InferenceEvent>): Promise<ReadAnswer> => {
  const all = await Array.fromAsync(events);
  const signed = all.filter((event) => event.type === 'reasoning' && ('signature' in event || 'redacted' in event));
  return { result: await collect(eventsOf(all)), signed };
};

async function* eventsOf(events: readonly InferenceEvent[]): AsyncGenerator<InferenceEvent> {
  yield* events;
}

/** Asks for an answer in both ways, of which the service sends the recorded bytes. */
export const bothWays = async (
  { open, upstream }: Bench,
  request: GenerateRequest,
  recorded: { readonly streamed: Behaviour; readonly whole: string },
): Promise<{ readonly streamed: ReadAnswer; readonly whole: ReadAnswer }> => {
  const session = await open('ok');
  const body = recorded.whole.match(/[^]{1,50}/g) ?? [];
  upstream.script(recorded.streamed, { kind: 'raw', headers: JSON_TYPE, body });
  const context = { ...contextOf(), id: 'run' };
  return {
    streamed: await read(session.run(request, context)),
    whole: await read(session.run(request, { ...context, wholeMs: LONG_MS })),
  };
};
