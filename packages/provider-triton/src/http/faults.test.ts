import {
  collect,
  type ErrorCode,
  type GenerateRequest,
  type InferenceEvent,
  type InferenceRequest,
  type InferenceResult,
  type NamedTensor,
  type TensorRequest,
} from '@golek/api';
import {
  FAULTS,
  startFaultyUpstream,
  type Behaviour,
  type FaultName,
  type FaultyUpstream,
} from '@golek/faulty-upstream';
import { failureOf } from '@golek/faulty-upstream/bench';
import type { ModelSession } from '@golek/providers-spi';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createTritonProvider, type TritonModelOptions, type TritonProviderOptions } from '../index.ts';

const PROMPT = 'één twee 三 🎈 vier';
const X: NamedTensor = { name: 'x', type: 'INT8', shape: [3], data: Uint8Array.of(1, 2, 3) };

const text = (): GenerateRequest => ({ task: 'generate', model: 'm', input: { type: 'text', prompt: PROMPT } });
const tensors = (): TensorRequest => ({ task: 'tensor', model: 'm', inputs: [X] });

const bench = async (
  options: Partial<TritonProviderOptions> = {},
  models: Readonly<Record<string, Behaviour>> = FAULTS,
): Promise<{
  readonly upstream: FaultyUpstream;
  readonly open: (location: string, options?: TritonModelOptions) => Promise<ModelSession>;
  readonly ask: (location: string, request: InferenceRequest, seen?: InferenceEvent[]) => Promise<InferenceResult>;
}> => {
  const upstream = await startFaultyUpstream({ models });
  const baseUrl = upstream.url.replace(/\/v1$/, '');
  const provider = createTritonProvider({
    id: 'faulty',
    protocol: 'http',
    baseUrl,
    apiKey: 'secret-key-123',
    ...options,
  });
  onTestFinished(async () => {
    await provider[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });
  const { signal } = new AbortController();
  const open = (location: string, own: TritonModelOptions = {}) =>
    provider.open({ name: 'm', location, options: { ...own } }, { signal });
  return {
    upstream,
    open,
    ask: async (location, request, seen = []) => {
      const session = await open(location);
      return collect(
        (async function* () {
          yield { type: 'start' as const, model: 'm', provider: 'faulty' };
          for await (const event of session.run(request, { id: 'r', signal })) {
            seen.push(event);
            yield event;
          }
        })(),
      );
    },
  };
};

/** Each fault that ends by itself: the code, and words of the message. */
const FAILURES: readonly (readonly [FaultName, ErrorCode, RegExp])[] = [
  ['reset-before-headers', 'provider_failed', /'faulty' \(127\.0\.0\.1:\d+\) reset the connection \(ECONNRESET\)/],
  ['reset-after-headers', 'provider_failed', /ECONNRESET/],
  ['reset-after-chunks', 'provider_failed', /ECONNRESET/],
  ['busy-with-seconds', 'rate_limited', /answered 429/],
  ['busy-without-time', 'rate_limited', /answered 429/],
  // The protocol's error object is a text: the status is all that is known.
  ['quota-used-up', 'rate_limited', /answered 429/],
  ['broken-500', 'provider_failed', /answered 500: status 500/],
  ['broken-502', 'provider_failed', /answered 502/],
  ['overloaded-503', 'overloaded', /answered 503/],
  ['late-504', 'deadline_exceeded', /answered 504/],
  ['denied-401', 'provider_denied', /answered 401; check its apiKey/],
  ['refused-400', 'invalid_request', /answered 400: temperature is too hot/],
  ['too-long-400', 'invalid_request', /answered 400/],
  [
    'unknown-404',
    'provider_misconfigured',
    /check its baseUrl and that it has the model '(tensor-|whole-)?unknown-404'/,
  ],
  ['moved-301', 'provider_misconfigured', /a redirect, which is not followed/],
  ['cut-by-close', 'provider_failed', /closed the connection/],
  ['cut-by-end', 'provider_failed', /broken JSON|ended its answer before its 'finish_reason' came/],
  ['no-finish-reason', 'provider_failed', /ended its answer before/],
  ['malformed-json', 'provider_failed', /broken JSON: \{"model_name"/],
  ['garbage-lines', 'provider_failed', /no field of an event: this is no event/],
  ['not-an-answer', 'provider_failed', /gave no|broken JSON/],
  ['huge-line', 'provider_failed', /longer than the limit of 4194304 bytes/],
  ['empty-200', 'provider_failed', /gave no 'text_output'|an empty body/],
  ['error-in-200', 'provider_failed', /reported an error in its answer: the engine is on fire/],
  ['html-200', 'provider_failed', /the content type 'text\/html'/],
  ['error-in-stream', 'provider_failed', /reported an error in its answer: the engine is on fire/],
];

/** What is about records of a stream has no counterpart in an answer in one piece. */
const STREAM_ONLY: readonly FaultName[] = [
  'no-finish-reason',
  'malformed-json',
  'garbage-lines',
  'not-an-answer',
  'huge-line',
  'error-in-stream',
];
const whole = FAILURES.filter(([fault]) => !STREAM_ONLY.includes(fault));

it('every fault has a fate', () => {
  const others = ['ok', 'slow-drip', 'split-packets', 'reset-after-finish'];
  const silent = ['stall-before-headers', 'stall-after-headers', 'stall-after-chunks'];
  expect([...FAILURES.map(([name]) => name), ...others, ...silent].sort()).toEqual(Object.keys(FAULTS).sort());
});

describe.each([
  ['a streamed text', '', text, FAILURES],
  ['a text in one piece', 'whole-', text, whole],
  ['tensors', 'tensor-', tensors, whole],
] as const)('%s', (_what, prefix, request, cases) => {
  it.each(cases)('%s is %s', async (fault, code, words) => {
    const { ask, upstream } = await bench();
    const seen: InferenceEvent[] = [];
    const error = await failureOf(ask(prefix + fault, request(), seen));
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(words)]);
    expect(JSON.stringify([error.message, error.details])).not.toContain('secret-key-123');
    expect(error.message.length).toBeLessThan(700);
    expect(seen.some(({ type }) => type === 'finish' || type === 'tensor')).toBe(false);
    expect(upstream.count).toBe(1);
  });
});

describe('an answer', () => {
  it.each(['ok', 'slow-drip', 'split-packets', 'reset-after-finish'])('is right with %s', async (fault) => {
    const { ask } = await bench();
    const isReset = fault === 'reset-after-finish';
    for (const prefix of isReset ? [''] : ['', 'whole-']) {
      const { choices, usage } = await ask(prefix + fault, text());
      expect(choices).toMatchObject([{ text: PROMPT, finish: 'stop' }]);
      expect(usage).toEqual({ promptTokens: 5, completionTokens: 5 });
    }
    if (!isReset) expect((await ask(`tensor-${fault}`, tensors())).tensors).toEqual([X]);
  });

  it.each([
    ['short', { shape: [3], data: [1, 2] }, 'has 2 values; the shape [3] needs 3'],
    ['of an unknown type', { datatype: 'INT3' }, 'INT3'],
    ['without data', { data: undefined }, 'has no data'],
    ['that says more bytes than there are', { data: undefined, parameters: { binary_data_size: 9 } }, 'ends at byte 9'],
  ])('with a tensor that is %s is none', async (_what, odd, words) => {
    const body = [
      JSON.stringify({ model_name: 'm', outputs: [{ name: 'x', datatype: 'INT8', shape: [2], data: [1, 2], ...odd }] }),
    ];
    const { ask } = await bench({}, { odd: { kind: 'raw', headers: { 'content-type': 'application/json' }, body } });
    const error = await failureOf(ask('tensor-odd', tensors()));
    expect([error.code, error.message]).toEqual(['provider_failed', expect.stringContaining(words)]);
  });

  it('has to have every tensor that was asked for', async () => {
    const { ask } = await bench();
    const error = await failureOf(ask('tensor-ok', { ...tensors(), outputs: ['x', 'scores'] }));
    expect([error.code, error.message]).toEqual([
      'provider_failed',
      expect.stringContaining("gave no output 'scores'"),
    ]);
  });

  it('whose length of JSON is none is none', async () => {
    const headers = { 'content-type': 'application/octet-stream', 'inference-header-content-length': '99999' };
    const { ask } = await bench({}, { odd: { kind: 'raw', headers, body: ['{"outputs":[]}'] } });
    expect((await failureOf(ask('tensor-odd', tensors()))).code).toBe('provider_failed');
  });
});

describe('a server that is silent', () => {
  it('is given up after the idle time', async () => {
    const { ask, upstream } = await bench({ idleTimeoutMs: 300 });
    for (const fault of ['stall-before-headers', 'stall-after-headers', 'stall-after-chunks']) {
      expect((await failureOf(ask(fault, text()))).code, fault).toBe('deadline_exceeded');
      expect((await failureOf(ask(`tensor-${fault}`, tensors()))).code, fault).toBe('deadline_exceeded');
    }
    await expect.poll(() => upstream.open).toBe(0);
  });

  it.each(['stall-before-headers', 'stall-after-headers', 'stall-after-chunks'])(
    'sees that a client leaves: %s',
    async (fault) => {
      const { open, upstream } = await bench();
      const session = await open(fault);
      const client = new AbortController();
      const ended = failureOf(Array.fromAsync(session.run(text(), { id: 'r', signal: client.signal })));
      await expect.poll(() => upstream.open).toBe(1);
      client.abort();
      expect((await ended).code).toBe('cancelled');
      await expect.poll(() => upstream.calls[0]?.state).toBe('abandoned');
    },
  );
});

it('a connection that is refused is told', async () => {
  const { open, upstream } = await bench();
  const session = await open('tensor-ok', { tasks: ['tensor'] });
  await upstream.refuse();
  const error = await failureOf(
    Array.fromAsync(session.run(tensors(), { id: 'r', signal: new AbortController().signal })),
  );
  expect([error.code, error.message]).toEqual([
    'provider_failed',
    expect.stringMatching(/'faulty' \(127\.0\.0\.1:\d+\) refused the connection \(ECONNREFUSED\)/),
  ]);
});
