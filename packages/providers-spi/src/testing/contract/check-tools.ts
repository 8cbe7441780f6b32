import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { collect, type InferenceResult } from '@golek/api/plain';
import {
  GolekError,
  type ErrorCode,
  type InferenceEvent,
  type InferenceRequest,
  type ModelSession,
} from '../../index.ts';
import type { CheckBench } from './provider-check.ts';

let runs = 0;

/** Starts a run; without a signal it ends with the check. */
export const start = (
  bench: CheckBench,
  session: ModelSession,
  request: InferenceRequest,
  signal?: AbortSignal,
): AsyncIterator<InferenceEvent> => {
  const ends = signal ? AbortSignal.any([signal, bench.signal]) : bench.signal;
  return session.run(request, { id: `check-${++runs}`, signal: ends })[Symbol.asyncIterator]();
};

/** The whole answer, put together by `collect`. */
export const answer = (bench: CheckBench, session: ModelSession, request: InferenceRequest): Promise<InferenceResult> =>
  collect({ [Symbol.asyncIterator]: () => start(bench, session, request) });

/** Pulls `count` events. Fails when the run ends before. */
export const pull = async (events: AsyncIterator<InferenceEvent>, count: number): Promise<InferenceEvent[]> => {
  const pulled: InferenceEvent[] = [];
  while (pulled.length < count) {
    const { done, value } = await events.next();
    assert(!done, `the run ended after ${pulled.length} events; at least ${count} were expected`);
    pulled.push(value);
  }
  return pulled;
};

/** Expects a GolekError with the code and gives it. */
export const fails = async (work: () => Promise<unknown>, code: ErrorCode, what: string): Promise<GolekError> => {
  const outcome = await work().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  assert('error' in outcome, `${what}: '${code}' was expected and nothing was thrown`);
  const { error } = outcome;
  if (error instanceof assert.AssertionError) throw error;
  assert(error instanceof GolekError, `${what}: a GolekError was expected, not ${String(error)}`);
  assert.equal(error.code, code, `${what}: '${code}' was expected, not '${error.code}' (${error.message})`);
  return error;
};

/** Expects that the run throws the code after at most `late` further events. */
export const endsWith = async (
  events: AsyncIterator<InferenceEvent>,
  code: ErrorCode,
  late: number,
  what: string,
): Promise<void> => {
  let further = 0;
  await fails(
    async () => {
      while (!(await events.next()).done) {
        further++;
        assert(further <= late, `${what}: ${further} events came after it; at most ${late} are allowed`);
      }
    },
    code,
    what,
  );
};

/** What two runs of one request have in common: not ids of tool calls, not what a cache has saved. */
export const essence = (result: InferenceResult): object => ({
  choices: result.choices.map(({ toolCalls, ...choice }) => ({
    ...choice,
    logprobs: choice.logprobs.map(({ id }) => id),
    toolCalls: toolCalls.map(({ name, arguments: text }) => ({ name, text })),
  })),
  // Three digits: the order in which an engine adds depends on what else is in its batch.
  embeddings: result.embeddings.map((vector) =>
    Array.from(vector, (component) => Math.round(component * 1e3) / 1e3 + 0),
  ),
  scores: result.scores.map(({ index }) => index),
  labels: result.labels.map(({ index, label }) => ({ index, label })),
  tensors: result.tensors.map(({ name, type, shape }) => ({ name, type, shape })),
  tokens: result.tokens,
  promptTokens: result.usage?.promptTokens,
  completionTokens: result.usage?.completionTokens,
});

/** Expects the session to answer as if nothing had happened, on every slot that it has (up to 8). */
export const staysUsable = async (bench: CheckBench, session: ModelSession): Promise<void> => {
  const { activeRuns } = bench.setup.probes ?? {};
  if (activeRuns) await eventually(bench, async () => (await activeRuns()) === 0);
  const count = Math.min(session.capabilities.parallel, 8) + 1;
  const request = bench.setup.request(0);
  const results = await Promise.all(Array.from({ length: count }, () => answer(bench, session, request)));
  for (const result of results) assert.deepEqual(essence(result), essence(results[0] ?? result), 'answers differ');
};

/** Waits until the condition holds; the check's time limit ends the wait. */
export const eventually = async (bench: CheckBench, condition: () => Promise<boolean>): Promise<void> => {
  while (!(await condition())) await sleep(10, undefined, { signal: bench.signal });
};
