import { GolekError, type InferenceRequest } from '@golek/api';
import { startFaultyGrpc, type FaultyGrpc, type GrpcBehaviour } from '@golek/faulty-upstream';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startGolek, type RunningGolek } from '../running-golek.fixture.ts';

/** Each target is asked so often, and the pauses are short. */
const ATTEMPTS = 3;

let upstream: FaultyGrpc;
let golek: RunningGolek;
beforeAll(async () => {
  upstream = await startFaultyGrpc();
  golek = await startGolek({
    upstreams: [{ id: 'gpus', type: 'triton', baseUrl: upstream.url }],
    models: {
      list: [
        { name: 'text', provider: 'gpus', model: 'text' },
        { name: 'tensors', provider: 'gpus', model: 'tensor-x' },
      ],
    },
    reliability: {
      retry: { attempts: ATTEMPTS, minDelayMs: 10, maxDelayMs: 50, budgetPerSecond: 1_000 },
      breaker: { mode: 'off' },
    },
  });
}, 60_000);
afterAll(async () => {
  await golek[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

let before = 0;
beforeEach(() => {
  before = upstream.calls.length;
});
const calls = (): number => upstream.calls.length - before;

const TENSORS: InferenceRequest = {
  task: 'tensor',
  model: 'tensors',
  inputs: [{ name: 'x', type: 'INT8', shape: [1], data: Uint8Array.of(7) }],
};
const TEXT: InferenceRequest = { task: 'generate', model: 'text', input: { type: 'text', prompt: 'one two three' } };

const failureOf = async (request: InferenceRequest): Promise<GolekError> =>
  GolekError.from(
    await golek.run(request).then(
      () => new Error('nothing failed'),
      (error: unknown) => error,
    ),
  );

const FAILS_FIRST: readonly (readonly [string, GrpcBehaviour])[] = [
  ['UNAVAILABLE', { kind: 'status', status: 14 }],
  ['INTERNAL', { kind: 'status', status: 13 }],
  ['RESOURCE_EXHAUSTED', { kind: 'status', status: 8 }],
  ['a connection that breaks', { kind: 'destroy', at: 'before-headers' }],
  ['bytes that are no message', { kind: 'malformed', after: 0, what: 'garbage' }],
  ['tensors that are none', { kind: 'tensors', what: 'short' }],
];

test.each(FAILS_FIRST)('%s is tried again by the policy, and then it works', async (_what, behaviour) => {
  upstream.script(behaviour, behaviour);
  expect((await golek.run(TENSORS)).tensors).toMatchObject([{ name: 'x' }]);
  expect(calls()).toBe(ATTEMPTS);
});

test('and fails by its name when it goes on', async () => {
  upstream.script(...Array.from({ length: ATTEMPTS }, () => ({ kind: 'status', status: 14 }) as const));
  expect((await failureOf(TENSORS)).code).toBe('provider_failed');
  expect(calls()).toBe(ATTEMPTS);
});

test.each([
  [3, 'invalid_request'],
  [7, 'provider_denied'],
  [9, 'provider_misconfigured'],
  [12, 'unsupported'],
  [16, 'provider_denied'],
])('status %d is %s, once', async (status, code) => {
  upstream.script({ kind: 'status', status });
  expect((await failureOf(TENSORS)).code).toBe(code);
  expect(calls()).toBe(1);
});

test('after the first words nothing is tried again', async () => {
  upstream.script({ kind: 'status', status: 14, after: 2 });
  expect((await failureOf(TEXT)).code).toBe('provider_failed');
  expect(calls()).toBe(1);
  expect((await golek.run(TEXT)).choices[0]?.text).toBe('one two three');
});
