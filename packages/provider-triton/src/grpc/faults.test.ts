import { readFile } from 'node:fs/promises';
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
  GRPC_FAULTS,
  startFaultyGrpc,
  type FaultyGrpc,
  type FaultyGrpcOptions,
  type GrpcFaultName,
} from '@golek/faulty-upstream';
import { failureOf } from '@golek/faulty-upstream/bench';
import type { ModelSession, Provider } from '@golek/providers-spi';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createTritonProvider, type TritonProviderOptions } from '../index.ts';

const PROMPT = 'één twee 三 🎈 vier';
const X: NamedTensor = { name: 'x', type: 'INT8', shape: [3], data: Uint8Array.of(1, 2, 3) };

const text = (): GenerateRequest => ({ task: 'generate', model: 'm', input: { type: 'text', prompt: PROMPT } });
const tensors = (): TensorRequest => ({ task: 'tensor', model: 'm', inputs: [X] });

interface Bench {
  readonly upstream: FaultyGrpc;
  readonly provider: Provider;
  readonly open: (location: string) => Promise<ModelSession>;
  readonly ask: (location: string, request: InferenceRequest, seen?: InferenceEvent[]) => Promise<InferenceResult>;
}

const bench = async (
  options: Partial<TritonProviderOptions> = {},
  models: FaultyGrpcOptions['models'] = GRPC_FAULTS,
): Promise<Bench> => {
  const upstream = await startFaultyGrpc({ models });
  const provider = createTritonProvider({ id: 'faulty', baseUrl: upstream.url, apiKey: 'secret-key-123', ...options });
  onTestFinished(async () => {
    await provider[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });
  const { signal } = new AbortController();
  const open = (location: string) => provider.open({ name: 'm', location }, { signal });
  return {
    upstream,
    provider,
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

type Fate = readonly [code: ErrorCode, words: RegExp];

/** Faults that end by themselves, and what a call fails with; for streamed texts, and for tensors where those differ. docs/reference/upstream-faults.md says it in words. */
const FAILURES: Readonly<Partial<Record<GrpcFaultName, { readonly text?: Fate; readonly tensor?: Fate }>>> & object = {
  'destroy-before-headers': both('provider_failed', /answered (UNAVAILABLE|INTERNAL|CANCELLED)/),
  'destroy-after-headers': both('provider_failed', /answered (UNAVAILABLE|INTERNAL|CANCELLED)/),
  'destroy-after-messages': { text: ['provider_failed', /answered (UNAVAILABLE|INTERNAL|CANCELLED)/] },
  'reset-before-headers': both('provider_failed', /answered INTERNAL/),
  'reset-after-messages': { text: ['provider_failed', /answered INTERNAL/] },
  'reset-enhance-your-calm': both('overloaded', /answered RESOURCE_EXHAUSTED/),
  'go-away-after-messages': { text: ['provider_failed', /answered (UNAVAILABLE|INTERNAL|CANCELLED)/] },
  cancelled: both('provider_failed', /answered CANCELLED: status 1/),
  unknown: both('provider_failed', /answered UNKNOWN: status 2/),
  'invalid-argument': both('invalid_request', /answered INVALID_ARGUMENT: unexpected shape for input x/),
  'deadline-exceeded': both('deadline_exceeded', /answered DEADLINE_EXCEEDED/),
  'not-found': both('provider_misconfigured', /answered NOT_FOUND: status 5; check its baseUrl/),
  'already-exists': both('provider_failed', /answered ALREADY_EXISTS/),
  'permission-denied': both('provider_denied', /answered PERMISSION_DENIED; check its apiKey/),
  'resource-exhausted': both('overloaded', /answered RESOURCE_EXHAUSTED/),
  'failed-precondition': both('provider_misconfigured', /answered FAILED_PRECONDITION/),
  aborted: both('provider_failed', /answered ABORTED/),
  'out-of-range': both('provider_failed', /answered OUT_OF_RANGE/),
  unimplemented: both('unsupported', /answered UNIMPLEMENTED/),
  internal: both('provider_failed', /answered INTERNAL: CUDA error, \[redacted\]/),
  unavailable: both('provider_failed', /answered UNAVAILABLE: Exceeds maximum queue size/),
  'data-loss': both('provider_failed', /answered DATA_LOSS/),
  unauthenticated: both('provider_denied', /answered UNAUTHENTICATED; check its apiKey/),
  'internal-after-messages': { text: ['provider_failed', /answered INTERNAL: CUDA error/] },
  'busy-with-retry-after': both('overloaded', /answered UNAVAILABLE/),
  'busy-with-pushback': both('overloaded', /answered RESOURCE_EXHAUSTED/),
  'busy-with-retry-info': both('overloaded', /answered UNAVAILABLE/),
  'cut-by-end': { text: ['provider_failed', /ended its answers before the last one/] },
  'no-status': { text: ['provider_failed', /answered (UNKNOWN|INTERNAL)/] },
  empty: {
    text: ['provider_failed', /ended the stream without an answer/],
    tensor: ['provider_failed', /answered UNIMPLEMENTED: No message received/],
  },
  'error-message': {
    text: ['provider_failed', /reported an error in its answer: the engine is on fire/],
    tensor: ['provider_failed', /answered INTERNAL: the engine is on fire/],
  },
  'error-message-in-stream': { text: ['provider_failed', /reported an error in its answer: the engine is on fire/] },
  garbage: both('provider_failed', /answered INTERNAL: .*parsing error/),
  truncated: {
    text: ['provider_failed', /ended its answers before the last one/],
    tensor: ['provider_failed', /answered UNIMPLEMENTED: No message received/],
  },
  huge: both('provider_failed', /larger than max/),
  compressed: both('provider_failed', /a message that cannot be unpacked/),
  'html-200': both('provider_failed', /content type 'text\/html'/),
  'http-401': both('provider_denied', /answered UNAUTHENTICATED; check its apiKey/),
  'http-404': both('unsupported', /answered UNIMPLEMENTED/),
  'http-429': both('provider_failed', /answered UNAVAILABLE/),
  'http-502': both('provider_failed', /answered UNAVAILABLE/),
  'http-503': both('provider_failed', /answered UNAVAILABLE/),
  'no-tensors': {
    text: ['provider_failed', /gave no 'text_output'/],
    tensor: ['provider_failed', /gave no outputs/],
  },
  'other-tensors': { text: ['provider_failed', /gave no 'text_output'/] },
  'short-bytes': both('provider_failed', /what is no answer: tensor 'x' has 2 bytes; the shape \[3\] of INT8 needs 3/),
  'long-bytes': both('provider_failed', /what is no answer: tensor 'x' has 2 bytes; the shape \[1\] of INT8 needs 1/),
  'raw-missing': both('provider_failed', /what is no answer: there are 1 raw contents for 2 outputs/),
  'unknown-type': both('provider_failed', /what is no answer: tensor 'x' has the datatype 'INT3'/),
  'negative-shape': both('provider_failed', /what is no answer: tensor 'x' has the shape \[-2\]/),
};

function both(code: ErrorCode, words: RegExp): { readonly text: Fate; readonly tensor: Fate } {
  return { text: [code, words], tensor: [code, words] };
}

/** What is an answer, and what is told by silence. */
const OTHERS: readonly GrpcFaultName[] = [
  'ok',
  'ok-without-final',
  'slow-drip',
  'split-packets',
  'no-reason',
  'stall-before-headers',
  'stall-after-headers',
  'stall-after-messages',
];

it('every fault has a line in the documentation', async () => {
  const page = await readFile(new URL('../../../../docs/reference/upstream-faults.md', import.meta.url), 'utf8');
  const [, section = ''] = page.split('## Triton and other KServe v2 servers');
  for (const name of Object.keys(GRPC_FAULTS)) expect(section).toContain(`\`${name}\``);
});

it('every fault has a fate', () => {
  expect([...Object.keys(FAILURES), ...OTHERS].sort()).toEqual(Object.keys(GRPC_FAULTS).sort());
});

const casesOf = (kind: 'text' | 'tensor') =>
  Object.entries(FAILURES).flatMap(([name, fates]) => (fates[kind] ? [[name, ...fates[kind]] as const] : []));

describe.each([
  ['text', '', text],
  ['tensor', 'tensor-', tensors],
] as const)('a call for a %s', (kind, prefix, request) => {
  it.each(casesOf(kind))('%s is %s', async (fault, code, words) => {
    const { ask, upstream } = await bench();
    const seen: InferenceEvent[] = [];
    const error = await failureOf(ask(prefix + fault, request(), seen));
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(words)]);
    expect(JSON.stringify([error.message, error.details])).not.toContain('secret-key-123');
    expect(error.message.length).toBeLessThan(700);
    // A library that tries again by itself would double the kernel's policy.
    expect(upstream.calls.length).toBe(1);
    const said = seen.flatMap((event) => (event.type === 'text' ? [event.text] : [])).join('');
    expect(PROMPT.startsWith(said)).toBe(true);
    expect(seen.some(({ type }) => type === 'finish')).toBe(false);
    await expect.poll(() => upstream.open).toBe(0);
  });
});

describe('an answer', () => {
  it.each(['ok', 'ok-without-final', 'slow-drip', 'split-packets'])('is right with %s', async (fault) => {
    const { ask } = await bench();
    const { choices, usage, warnings } = await ask(fault, text());
    expect(choices).toMatchObject([{ text: PROMPT, finish: 'stop' }]);
    expect(usage).toEqual({ promptTokens: 5, completionTokens: 5 });
    expect(warnings).toEqual([]);
    expect((await ask(`tensor-${fault}`, tensors())).tensors).toEqual([X]);
  });

  it('without a reason is complete by its status, with a warning', async () => {
    const { ask } = await bench();
    const { choices, warnings } = await ask('no-reason', text());
    expect(choices).toMatchObject([{ text: PROMPT, finish: 'stop' }]);
    expect(warnings).toEqual([expect.stringContaining('does not tell why')]);
  });

  it('has to have every tensor that was asked for', async () => {
    const { ask } = await bench();
    const error = await failureOf(ask('tensor-ok', { ...tensors(), outputs: ['x', 'scores'] }));
    expect([error.code, error.message]).toEqual([
      'provider_failed',
      expect.stringContaining("gave no output 'scores'; it gave x"),
    ]);
  });

  it('that was whole before its stream broke is whole', async () => {
    const { ask } = await bench(
      {},
      { late: { kind: 'status', status: 13, after: 5 }, hangs: { kind: 'stall', at: 5 } },
    );
    expect((await ask('late', text())).choices).toMatchObject([{ text: PROMPT, finish: 'stop' }]);
    expect((await ask('hangs', text())).choices).toMatchObject([{ text: PROMPT, finish: 'stop' }]);
  });
});

describe('a server that says when it wants to be asked again', () => {
  it.each([
    ['busy-with-retry-after', 7],
    ['busy-with-pushback', 2.5],
    ['busy-with-retry-info', 3],
  ])('%s: after %d s', async (fault, seconds) => {
    const { ask } = await bench();
    expect((await failureOf(ask(fault, text()))).retryAfter).toBe(seconds);
  });

  it.each(['-1', 'soon', '99999999'])('%s is no time', async (time) => {
    const { ask } = await bench(
      {},
      { odd: { kind: 'status', status: 14, trailers: { 'grpc-retry-pushback-ms': time } } },
    );
    const error = await failureOf(ask('odd', text()));
    expect([error.code, error.retryAfter]).toEqual([
      time === '99999999' ? 'provider_failed' : 'provider_failed',
      undefined,
    ]);
  });

  it('details that cannot be read are none', async () => {
    const trailers = { 'grpc-status-details-bin': Buffer.from([0x1a, 0x30, 0x0a, 0x28, 1]).toString('base64') };
    const { ask } = await bench({}, { odd: { kind: 'status', status: 14, trailers } });
    expect((await failureOf(ask('odd', text()))).retryAfter).toBeUndefined();
  });
});

describe('a server that is silent', () => {
  it.each(['stall-before-headers', 'stall-after-headers', 'stall-after-messages'])(
    'is given up after the idle time: %s',
    async (fault) => {
      const { ask, upstream } = await bench({ idleTimeoutMs: 300 });
      expect((await failureOf(ask(fault, text()))).code).toBe('deadline_exceeded');
      if (fault !== 'stall-after-messages')
        expect((await failureOf(ask(`tensor-${fault}`, tensors()))).code).toBe('deadline_exceeded');
      await expect.poll(() => upstream.open).toBe(0);
    },
  );

  it.each(['stall-before-headers', 'stall-after-headers', 'stall-after-messages'])(
    'sees the cancel of a client that leaves: %s',
    async (fault) => {
      const { open, upstream } = await bench();
      const session = await open(fault);
      const client = new AbortController();
      const ended = failureOf(Array.fromAsync(session.run(text(), { id: 'r', signal: client.signal })));
      await expect.poll(() => upstream.open).toBe(1);
      const at = performance.now();
      client.abort();
      expect((await ended).code).toBe('cancelled');
      await expect.poll(() => upstream.calls[0]?.state).toBe('abandoned');
      expect(performance.now() - at).toBeLessThan(5_000);
      expect(session.health().status).toBe('ok');
    },
  );

  it('sees the cancel of a consumer that breaks off', async () => {
    const { open, upstream } = await bench();
    const session = await open('stall-after-messages');
    for await (const event of session.run(text(), { id: 'r', signal: new AbortController().signal })) {
      if (event.type === 'text') break;
    }
    await expect.poll(() => upstream.calls[0]?.state).toBe('abandoned');
  });

  it('is told the time limit', async () => {
    const { open, upstream } = await bench();
    const session = await open('tensor-stall-before-headers');
    const { signal } = new AbortController();
    const deadline = performance.now() + 400;
    const error = await failureOf(Array.fromAsync(session.run(tensors(), { id: 'r', signal, deadline })));
    expect(error.code).toBe('deadline_exceeded');
    expect(upstream.calls[0]?.headers['grpc-timeout']).toMatch(/^\d+m$/);
  });
});

describe('an answer without end', () => {
  it('is not read faster than its reader reads', { timeout: 60_000 }, async () => {
    const { open, upstream } = await bench({}, { endless: { kind: 'endless' } });
    const session = await open('endless');
    const events = session.run(text(), { id: 'r', signal: new AbortController().signal })[Symbol.asyncIterator]();
    await events.next();
    let before = -1;
    const isStill = (): boolean => {
      const now = upstream.calls[0]?.messages ?? 0;
      const still = now === before;
      before = now;
      return still;
    };
    await expect.poll(isStill, { interval: 200, timeout: 20_000 }).toBe(true);
    expect(before).toBeLessThan(50_000);
    for (let index = 0; index < 20_000; index++) await events.next();
    expect(upstream.calls[0]?.messages).toBeGreaterThan(before);
    await events.return?.();
    await expect.poll(() => upstream.open).toBe(0);
  });

  it('a reader that is slower than the idle time is no silent server', async () => {
    const { open } = await bench({ idleTimeoutMs: 200 }, { ok: { kind: 'ok', words: 5 } });
    const session = await open('ok');
    const said: string[] = [];
    for await (const event of session.run(text(), { id: 'r', signal: new AbortController().signal })) {
      if (event.type !== 'text') continue;
      said.push(event.text);
      if (said.length === 2) await new Promise((resolve) => setTimeout(resolve, 500));
    }
    expect(said).toHaveLength(5);
  });

  it('has an end by the limit of bytes', async () => {
    const { ask } = await bench({ maxResponseBytes: 50_000 }, { endless: { kind: 'endless' } });
    const error = await failureOf(ask('endless', text()));
    expect([error.code, error.message]).toEqual(['provider_failed', expect.stringContaining('limit of 50000 bytes')]);
  });
});

describe('connections', () => {
  it('that are refused are told, and the server is found when it is back', async () => {
    const { ask, open, upstream } = await bench();
    const session = await open('tensor-ok');
    await upstream.refuse();
    const run = () => Array.fromAsync(session.run(tensors(), { id: 'r', signal: new AbortController().signal }));
    const error = await failureOf(run());
    expect([error.code, error.message]).toEqual([
      'provider_failed',
      expect.stringMatching(/^upstream 'faulty' \(127\.0\.0\.1:\d+\) answered UNAVAILABLE: .*ECONNREFUSED/),
    ]);
    await upstream.accept();
    await expect
      .poll(
        () =>
          run().then(
            () => true,
            () => false,
          ),
        { timeout: 10_000 },
      )
      .toBe(true);
    expect((await ask('ok', text())).choices[0]?.text).toBe(PROMPT);
  });

  it('are as many as channels, and calls of one sequence share one', async () => {
    const { open, upstream } = await bench({ channels: 4 });
    const session = await open('tensor-ok');
    const { signal } = new AbortController();
    const ask = (parameters: Record<string, number | string>) =>
      Array.fromAsync(session.run({ ...tensors(), parameters }, { id: 'r', signal }));
    for (let index = 0; index < 8; index++) await ask({});
    expect(upstream.connections).toBe(4);
    const single = await bench({ channels: 4 });
    const stateful = await single.open('tensor-ok');
    const before = single.upstream.connections;
    for (const flags of [{ sequence_start: 1 }, {}, {}, { sequence_end: 1 }])
      await Array.fromAsync(
        stateful.run({ ...tensors(), parameters: { sequence_id: 42, ...flags } }, { id: 'r', signal }),
      );
    expect(single.upstream.connections).toBeLessThanOrEqual(before + 1);
    expect(single.upstream.calls.map(({ request }) => request.parameters.get('sequence_id')?.parameterChoice)).toEqual(
      Array.from({ length: 4 }, () => ({ $case: 'int64Param', value: 42n })),
    );
  });

  it('to an address that does not answer are given up after the time to connect', async () => {
    // TEST-NET-1: nobody is there; a network that says so at once is as good.
    const provider = createTritonProvider({ baseUrl: 'http://192.0.2.1:8001', connectTimeoutMs: 300 });
    onTestFinished(() => provider[Symbol.asyncDispose]());
    const { signal } = new AbortController();
    const session = await provider.open({ name: 'm', location: 'x', options: { tasks: ['tensor'] } }, { signal });
    const at = performance.now();
    expect((await failureOf(Array.fromAsync(session.run(tensors(), { id: 'r', signal })))).code).toBe(
      'provider_failed',
    );
    expect(performance.now() - at).toBeLessThan(10_000);
  });
});
