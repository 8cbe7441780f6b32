import { ERROR_CATALOGUE, type ErrorCode } from '@golek/api';
import { GRPC_FAULTS, type GrpcFaultName } from '@golek/faulty-upstream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTritonBench, type TritonBench } from './faulty-triton.fixture.ts';
import { API_KEY, askTensor, askText, ATTEMPTS, PROMPT } from './faulty-upstream.fixture.ts';

let bench: TritonBench;
let url: string;
beforeAll(async () => {
  bench = await startTritonBench();
  ({ url } = bench.server);
});
afterAll(() => bench[Symbol.asyncDispose]());

let before = 0;
beforeEach(() => {
  before = bench.triton.calls.length;
  bench.good.forget();
});
const tries = (): number => bench.triton.calls.length - before;

/** What becomes of a fault. `begun`: the first words of a text had come, so nothing is tried again and a stream ends with an error. */
interface Fate {
  /** Undefined: a complete answer. */
  readonly code?: ErrorCode;
  readonly begun?: boolean;
  /** Seconds that the client is told to wait: longer than Golek does itself. */
  readonly retryAfter?: string;
}

/** docs/reference/upstream-faults.md says the same in words. */
const FATES: Readonly<Record<GrpcFaultName, Fate>> = {
  ok: {},
  'ok-without-final': {},
  'slow-drip': {},
  'split-packets': {},
  'no-reason': {},
  'destroy-before-headers': { code: 'provider_failed' },
  'destroy-after-headers': { code: 'provider_failed' },
  'destroy-after-messages': { code: 'provider_failed', begun: true },
  'reset-before-headers': { code: 'provider_failed' },
  'reset-after-messages': { code: 'provider_failed', begun: true },
  'reset-enhance-your-calm': { code: 'overloaded' },
  'go-away-after-messages': { code: 'provider_failed', begun: true },
  'stall-before-headers': { code: 'deadline_exceeded' },
  'stall-after-headers': { code: 'deadline_exceeded' },
  'stall-after-messages': { code: 'deadline_exceeded', begun: true },
  cancelled: { code: 'provider_failed' },
  unknown: { code: 'provider_failed' },
  'invalid-argument': { code: 'invalid_request' },
  'deadline-exceeded': { code: 'deadline_exceeded' },
  'not-found': { code: 'provider_misconfigured' },
  'already-exists': { code: 'provider_failed' },
  'permission-denied': { code: 'provider_denied' },
  'resource-exhausted': { code: 'overloaded' },
  'failed-precondition': { code: 'provider_misconfigured' },
  aborted: { code: 'provider_failed' },
  'out-of-range': { code: 'provider_failed' },
  unimplemented: { code: 'unsupported' },
  internal: { code: 'provider_failed' },
  unavailable: { code: 'provider_failed' },
  'data-loss': { code: 'provider_failed' },
  unauthenticated: { code: 'provider_denied' },
  'internal-after-messages': { code: 'provider_failed', begun: true },
  'busy-with-retry-after': { code: 'overloaded', retryAfter: '7' },
  'busy-with-pushback': { code: 'overloaded', retryAfter: '3' },
  'busy-with-retry-info': { code: 'overloaded', retryAfter: '3' },
  'cut-by-end': { code: 'provider_failed', begun: true },
  'no-status': { code: 'provider_failed', begun: true },
  empty: { code: 'provider_failed' },
  'error-message': { code: 'provider_failed' },
  'error-message-in-stream': { code: 'provider_failed', begun: true },
  garbage: { code: 'provider_failed', begun: true },
  truncated: { code: 'provider_failed', begun: true },
  huge: { code: 'provider_failed', begun: true },
  compressed: { code: 'provider_failed', begun: true },
  'html-200': { code: 'provider_failed' },
  'http-401': { code: 'provider_denied' },
  'http-404': { code: 'unsupported' },
  'http-429': { code: 'provider_failed' },
  'http-502': { code: 'provider_failed' },
  'http-503': { code: 'provider_failed' },
  'no-tensors': { code: 'provider_failed' },
  'other-tensors': { code: 'provider_failed' },
  'short-bytes': { code: 'provider_failed' },
  'long-bytes': { code: 'provider_failed' },
  'raw-missing': { code: 'provider_failed' },
  'unknown-type': { code: 'provider_failed' },
  'negative-shape': { code: 'provider_failed' },
};

/** A tensor has one answer: after it nothing is missing. */
const TENSOR_FATES: typeof FATES = { ...FATES, 'cut-by-end': {} };

const cases = Object.entries(FATES) as [GrpcFaultName, Fate][];
const tensorCases = Object.entries(TENSOR_FATES) as [GrpcFaultName, Fate][];
const failures = cases.filter(([, { code }]) => code !== undefined) as [GrpcFaultName, Fate & { code: ErrorCode }][];

/** Golek's own retries over all; the library itself repeats nothing. */
const triesOf = ({ code, begun = false, retryAfter }: Fate): number =>
  code !== undefined && ERROR_CATALOGUE[code].retryable && !begun && retryAfter === undefined ? ATTEMPTS : 1;
const statusOf = (code: ErrorCode | undefined): number => (code === undefined ? 200 : ERROR_CATALOGUE[code].status);

it('every fault of the upstream has a fate', () => {
  expect(Object.keys(FATES).sort()).toEqual(Object.keys(GRPC_FAULTS).sort());
});

describe.each([
  ['plain', false],
  ['streaming', true],
])('a text, %s', (_, stream) => {
  it.each(cases)('%s', { timeout: 60_000 }, async (fault, fate) => {
    const outcome = await askText(url, `text-${fault}`, stream);
    const { code, begun = false, retryAfter } = fate;
    // Words and failure that come in one packet leave together: then the failure still gets its status.
    const late = stream && begun && outcome.status === 200;
    expect(outcome).toMatchObject({ status: late ? 200 : statusOf(code), code, complete: code === undefined });
    if (code === undefined) expect(outcome.text).toBe(PROMPT);
    // A stream that failed has what came before the failure and nothing made up.
    else expect(PROMPT.startsWith(outcome.text)).toBe(true);
    if (late) expect(outcome.text).not.toBe('');
    else expect(outcome.retryAfter).toBe(retryAfter ?? null);
    expect(tries()).toBe(triesOf(fate));
    expect(JSON.stringify(outcome)).not.toContain(API_KEY);
    await expect.poll(() => bench.triton.open, { timeout: 5_000 }).toBe(0);
  });

  it.each(failures)('%s beside another target', { timeout: 60_000 }, async (fault, fate) => {
    const outcome = await askText(url, `safe-${fault}`, stream);
    if (fate.begun || !ERROR_CATALOGUE[fate.code].elsewhere) {
      expect(outcome).toMatchObject({ code: fate.code, complete: false });
      expect(bench.good.count).toBe(0);
      return;
    }
    expect(outcome).toMatchObject({ status: 200, text: PROMPT, complete: true });
    expect(bench.good.count).toBe(1);
    expect(tries()).toBe(triesOf(fate));
    expect(outcome.route).toContain(fate.code);
  });

  it('a refused connection', async () => {
    const outcome = await askText(url, 'text-gone', stream);
    expect(outcome).toMatchObject({ status: 502, code: 'provider_failed', complete: false });
    expect(outcome.message).toContain('ECONNREFUSED');
    expect(await askText(url, 'safe-gone', stream)).toMatchObject({ status: 200, text: PROMPT, complete: true });
  });
});

describe('a tensor', () => {
  it.each(tensorCases)('%s', { timeout: 60_000 }, async (fault, fate) => {
    const { status, code, outputs, retryAfter } = await askTensor(url, `tensor-${fault}`);
    expect([status, code]).toEqual([statusOf(fate.code), fate.code]);
    expect(outputs).toEqual(status === 200 ? [{ name: 'x', type: 'INT8', shape: [3], data: [1, 2, 3] }] : undefined);
    expect(retryAfter).toBe(fate.retryAfter ?? null);
    // Nothing has reached the client before the answer is whole.
    expect(tries()).toBe(triesOf({ ...fate, begun: false }));
  });

  it('a refused connection', async () => {
    const { status, code, message } = await askTensor(url, 'tensor-gone');
    expect([status, code]).toEqual([502, 'provider_failed']);
    expect(message).toContain('ECONNREFUSED');
  });
});
