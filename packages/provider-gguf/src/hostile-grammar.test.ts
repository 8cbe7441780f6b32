import { readFileSync } from 'node:fs';
import { collect, type InferenceResult } from '@golek/api/plain';
import type { GenerateRequest, GolekError, InferenceEvent, Log, ModelSession, Provider } from '@golek/providers-spi';
import { isolatedProvider } from '@golek/providers-spi/isolation';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { GGUF_CAPABILITIES } from './capabilities.ts';
import { chat, failure, tinySource } from './tiny-model.fixture.ts';

const never = new AbortController().signal;
const logged: { readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[] = [];
const add = (fields: object, message: string): void => void logged.push({ message, fields: { ...fields } });
const log: Log = { debug: add, info: add, warn: add, error: add };

let provider: Provider;
let session: ModelSession;

beforeAll(async () => {
  provider = isolatedProvider({
    id: 'gguf',
    capabilities: GGUF_CAPABILITIES,
    module: new URL('./short-grammar-limit.fixture.ts', import.meta.url),
    exportName: 'createEngineProvider',
    options: { threads: 1, gpu: false, contextSize: 512, parallel: 6 },
    log,
    limits: { recycleMs: 500 },
  });
  session = await provider.open(tinySource, { signal: never });
});
afterAll(() => provider[Symbol.asyncDispose]());

/** What comes after the letter may be read in 2¹⁵ ways, which takes llama.cpp seconds to find out: the call outlives its request by far. */
const exploding = (letter: string): GenerateRequest => {
  const rules = Array.from({ length: 15 }, (_, i) => `s${i} ::= s${i + 1} "x" | s${i + 1} "y"`);
  const grammar = [`root ::= "${letter}" s0`, ...rules, 's15 ::= "z"'].join('\n');
  return chat('Hello', { maxTokens: 200, output: { type: 'grammar', grammar } });
};

const schema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] } as const;
const byForm = chat('Is it ok?', { maxTokens: 40, output: { type: 'json-schema', name: 'answer', schema } });

const as = (tenant: string, request: GenerateRequest): Promise<InferenceResult> =>
  collect(session.run(request, { id: tenant, signal: never, tenant }));

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

const pidsOf = (message: string): number[] =>
  logged.filter((line) => line.message === message).map(({ fields }) => fields['pid'] as number);

test('grammars that explode take nothing from other tenants', { timeout: 60_000 }, async () => {
  const long = chat('Tell me about kites.', { maxTokens: 300, ignoreEos: true });
  const expected = await as('neighbour', long);
  const form = await as('neighbour', byForm);

  const inProgress: InferenceEvent[] = [];
  const reading = (async () => {
    for await (const event of session.run(long, { id: 'neighbour', signal: never, tenant: 'neighbour' }))
      inProgress.push(event);
  })();
  const two = [exploding('a'), exploding('b')].map((request) => failure(as('hostile', request), 'unsupported'));
  for (const { message } of await Promise.all(two)) expect(message).toContain('0.5 s');
  // A tenant is told so at once, of the same grammar and, after several of them, of others.
  await failure(as('another', exploding('a')), 'unsupported');
  expect((await failure(as('hostile', exploding('c')), 'rate_limited')).retryAfter).toBeGreaterThan(50);
  await reading;

  await vi.waitFor(() => expect(pidsOf('worn engine ended').length).toBeGreaterThan(0), 20_000);
  const [worn = 0] = pidsOf('worn engine ended');
  expect(isAlive(worn)).toBe(false);
  expect(await as('neighbour', byForm)).toMatchObject({ choices: form.choices });
  expect((await collect(toAsync(inProgress))).choices).toEqual(expected.choices);
  // The engine that took over knows what the one before has seen.
  await failure(as('another', exploding('b')), 'unsupported');
  await failure(as('hostile', exploding('c')), 'rate_limited');
  expect(session.health().recycle).toBeUndefined();
  expect(logged.filter(({ message }) => message.startsWith('engine crashed'))).toEqual([]);
});

test('as many at once as there are threads leave one to the others, and clients that do not wait change nothing', async () => {
  const before = pidsOf('worn engine ended').length;
  const patient = ['d', 'e', 'f', 'g', 'h'].map((letter) =>
    as(letter, exploding(letter)).then(
      () => 'an answer',
      (error: unknown) => (error as GolekError).code,
    ),
  );
  const left = new AbortController();
  const impatient = collect(session.run(exploding('i'), { id: 'i', signal: left.signal, tenant: 'i' }));
  setTimeout(() => left.abort(), 400);
  await expect(impatient).rejects.toMatchObject({ code: 'cancelled' });
  const codes = await Promise.all(patient);
  expect(new Set(codes)).toEqual(new Set(['unsupported', 'overloaded']));
  // At once, also before the engine is replaced.
  const plain = await as('neighbour', chat('Hello', { maxTokens: 5, sampling: { temperature: 0.8, seed: 1 } }));
  expect(plain.usage?.completionTokens).toBeGreaterThan(0);
  await vi.waitFor(() => expect(pidsOf('worn engine ended').length).toBeGreaterThan(before), 20_000);
  expect((await as('neighbour', byForm)).choices[0]?.text).toContain('"ok"');
}, 60_000);

const toAsync = async function* (events: readonly InferenceEvent[]): AsyncGenerator<InferenceEvent> {
  yield* events;
};
