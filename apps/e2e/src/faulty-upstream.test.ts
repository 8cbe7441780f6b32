import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '@golek/api';
import { FAULTS, type FaultName } from '@golek/faulty-upstream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  API_KEY,
  ask,
  askTensor,
  askText,
  ATTEMPTS,
  PROMPT,
  startBench,
  TRACE_ID,
  type Bench,
} from './faulty-upstream.fixture.ts';
import { serve } from './golek-server.fixture.ts';

let bench: Bench;
let url: string;
beforeAll(async () => {
  bench = await startBench();
  ({ url } = bench.server);
});
afterAll(() => bench[Symbol.asyncDispose]());
beforeEach(() => {
  bench.faulty.forget();
  bench.good.forget();
});

/** What becomes of a fault. `begun`: the first words had reached the client, so nothing is tried again and a stream ends with an error. */
interface Fate {
  readonly code?: ErrorCode;
  readonly status: number;
  readonly retried?: boolean;
  readonly begun?: boolean;
  /** Seconds that the client is told to wait. */
  readonly retryAfter?: string;
  /** The fault is the request's own: no other target is asked. */
  readonly own?: boolean;
}

/** docs/reference/upstream-faults.md says the same in words. */
const FATES: Readonly<Record<FaultName, Fate>> = {
  ok: { status: 200 },
  'slow-drip': { status: 200 },
  'split-packets': { status: 200 },
  'reset-after-finish': { status: 200 },
  'reset-before-headers': { status: 502, code: 'provider_failed', retried: true },
  'reset-after-headers': { status: 502, code: 'provider_failed', retried: true },
  'reset-after-chunks': { status: 502, code: 'provider_failed', begun: true },
  'stall-before-headers': { status: 504, code: 'deadline_exceeded', retried: true },
  'stall-after-headers': { status: 504, code: 'deadline_exceeded', retried: true },
  'stall-after-chunks': { status: 504, code: 'deadline_exceeded', begun: true },
  'busy-with-seconds': { status: 429, code: 'rate_limited', retried: true, retryAfter: '1' },
  'busy-without-time': { status: 429, code: 'rate_limited', retried: true },
  'quota-used-up': { status: 502, code: 'provider_denied' },
  'broken-500': { status: 502, code: 'provider_failed', retried: true },
  'broken-502': { status: 502, code: 'provider_failed', retried: true },
  'overloaded-503': { status: 503, code: 'overloaded', retried: true, retryAfter: '1' },
  'late-504': { status: 504, code: 'deadline_exceeded', retried: true },
  'denied-401': { status: 502, code: 'provider_denied' },
  'refused-400': { status: 400, code: 'invalid_request', own: true },
  'too-long-400': { status: 400, code: 'context_length_exceeded' },
  'unknown-404': { status: 502, code: 'provider_misconfigured' },
  'moved-301': { status: 502, code: 'provider_misconfigured' },
  'cut-by-close': { status: 502, code: 'provider_failed', begun: true },
  'cut-by-end': { status: 502, code: 'provider_failed', begun: true },
  'no-finish-reason': { status: 502, code: 'provider_failed', begun: true },
  'malformed-json': { status: 502, code: 'provider_failed', begun: true },
  'garbage-lines': { status: 502, code: 'provider_failed', begun: true },
  'not-an-answer': { status: 502, code: 'provider_failed', retried: true },
  'huge-line': { status: 502, code: 'provider_failed', begun: true },
  'empty-200': { status: 502, code: 'provider_failed', retried: true },
  'error-in-200': { status: 502, code: 'provider_failed', retried: true },
  'html-200': { status: 502, code: 'provider_failed', retried: true },
  'error-in-stream': { status: 502, code: 'provider_failed', begun: true },
};

/** KServe's errors are texts: the status is all that is known. */
const KSERVE_FATES: typeof FATES = {
  ...FATES,
  'quota-used-up': { status: 429, code: 'rate_limited', retried: true },
  'too-long-400': { status: 400, code: 'invalid_request', own: true },
};

/** Google's errors have one code for a quota of a minute and one that is used up, and none for a prompt that is too long. */
const GEMINI_FATES: typeof FATES = {
  ...FATES,
  'quota-used-up': { status: 429, code: 'rate_limited', retried: true },
  'too-long-400': { status: 400, code: 'invalid_request', own: true },
};

const cases = Object.entries(FATES) as [FaultName, Fate][];
const geminiCases = Object.entries(GEMINI_FATES) as [FaultName, Fate][];
const kserveCases = Object.entries(KSERVE_FATES) as [FaultName, Fate][];

it('every fault of the upstream has a fate', () => {
  expect(Object.keys(FATES).sort()).toEqual(Object.keys(FAULTS).sort());
});

describe.each([
  ['plain', 'faulty', false, cases],
  ['streaming', 'faulty', true, cases],
  ["plain, over Anthropic's API", 'claude', false, cases],
  ["streaming, over Anthropic's API", 'claude', true, cases],
  ['plain, over the Gemini API', 'gemini', false, geminiCases],
  ['streaming, over the Gemini API', 'gemini', true, geminiCases],
  ["plain, over KServe's REST", 'kserve', false, kserveCases],
  ["streaming, over KServe's REST", 'kserve', true, kserveCases],
])('%s', (_, provider, stream, fates) => {
  it.each(fates)(
    '%s',
    { timeout: 60_000 },
    async (fault, { status, code, retried = false, begun = false, retryAfter }) => {
      // These servers take raw text.
      const outcome = await (provider === 'kserve' ? askText : ask)(url, `${provider}-${fault}`, stream);
      // Words and failure that come in one packet leave together: then the failure still gets its status.
      const late = stream && begun && outcome.status === 200;
      expect(outcome).toMatchObject({ status: late ? 200 : status, code, complete: status === 200 });
      if (status === 200) expect(outcome.text).toBe(PROMPT);
      // A stream that failed has what came before the failure and nothing made up.
      else expect(PROMPT.startsWith(outcome.text)).toBe(true);
      if (late) expect(outcome.text).not.toBe('');
      else expect(outcome.retryAfter).toBe(retryAfter ?? null);
      expect(bench.faulty.count).toBe(retried ? ATTEMPTS : 1);
      expect(JSON.stringify(outcome)).not.toContain(API_KEY);
      await expect.poll(() => bench.faulty.open, { timeout: 5_000 }).toBe(0);
    },
  );
});

describe.each([
  ['plain', false],
  ['streaming', true],
])('%s', (_, stream) => {
  it.each(cases.filter(([, { status }]) => status !== 200))('%s with one attempt is one call', async (fault) => {
    const { complete, code } = await ask(url, `once-${fault}`, stream);
    expect([complete, code]).toEqual([false, FATES[fault].code]);
    expect(bench.faulty.count).toBe(1);
  });

  it.each(cases.filter(([, { status }]) => status !== 200))(
    '%s beside another target',
    { timeout: 60_000 },
    async (fault, { own = false, begun = false, retried = false, code, retryAfter }) => {
      const { status, text, complete, code: told, route } = await ask(url, `safe-${fault}`, stream);
      if (own || begun) {
        expect([complete, told]).toEqual([false, code]);
        expect(bench.good.count).toBe(0);
        return;
      }
      expect([status, text, complete]).toEqual([200, PROMPT, true]);
      expect(bench.good.count).toBe(1);
      // A target that names a time is left at once while another one is there.
      expect(bench.faulty.count).toBe(retried && retryAfter === undefined ? ATTEMPTS : 1);
      expect(route).toContain('good');
      expect(route).toContain(code);
    },
  );

  it('a refused connection', async () => {
    const outcome = await ask(url, 'gone', stream);
    expect(outcome).toMatchObject({ status: 502, code: 'provider_failed', complete: false });
    expect(outcome.message).toMatch(/^upstream 'gone' \(127\.0\.0\.1:\d+\) refused the connection \(ECONNREFUSED\)/);
    expect(await ask(url, 'safe-gone', stream)).toMatchObject({ status: 200, text: PROMPT, complete: true });
  });
});

describe.each([
  ['whole', cases],
  ['plain', cases],
  ['plain-claude', cases],
  ['plain-gemini', geminiCases],
])('an upstream that is asked for whole answers, %s', (provider, fates) => {
  // What is about the events of a stream has no counterpart.
  const streamOnly: readonly FaultName[] = [
    'no-finish-reason',
    'reset-after-finish',
    'garbage-lines',
    'not-an-answer',
    'huge-line',
  ];

  it.each(fates.filter(([fault]) => !streamOnly.includes(fault)))('%s', { timeout: 60_000 }, async (fault, fate) => {
    const { status, code, complete, text } = await ask(url, `${provider}-${fault}`, false);
    expect([status, code, complete]).toEqual([fate.status, fate.code, fate.status === 200]);
    if (status === 200) expect(text).toBe(PROMPT);
    // Nothing has reached the client before the answer is whole, so every retryable fault is tried again.
    expect(bench.faulty.count).toBe(fate.retried === true || fate.begun === true ? ATTEMPTS : 1);
  });
});

describe("tensors, over KServe's REST", () => {
  // What is about the records of a stream has no counterpart.
  const streamOnly: readonly FaultName[] = [
    'no-finish-reason',
    'reset-after-finish',
    'malformed-json',
    'garbage-lines',
    'not-an-answer',
    'huge-line',
    'error-in-stream',
  ];

  it.each(kserveCases.filter(([fault]) => !streamOnly.includes(fault)))(
    '%s',
    { timeout: 60_000 },
    async (fault, fate) => {
      const { status, code, outputs } = await askTensor(url, `tensor-${fault}`);
      expect([status, code]).toEqual([fate.status, fate.code]);
      expect(outputs).toEqual(status === 200 ? [{ name: 'x', type: 'INT8', shape: [3], data: [1, 2, 3] }] : undefined);
      expect(bench.faulty.count).toBe(fate.retried === true || fate.begun === true ? ATTEMPTS : 1);
    },
  );
});

describe('a time to wait', () => {
  it('in seconds is waited for', async () => {
    bench.faulty.script({ kind: 'status', status: 429, retryAfter: '1' });
    expect(await ask(url, 'faulty-ok', false)).toMatchObject({ status: 200, text: PROMPT });
    const [first, second] = bench.faulty.calls;
    expect((second?.at ?? 0) - (first?.endedAt ?? 0)).toBeGreaterThan(950);
  });

  it('as a date is waited for', async () => {
    const at = Date.now() + 2_500;
    bench.faulty.script({ kind: 'status', status: 503, retryAfter: new Date(at).toUTCString() });
    expect(await ask(url, 'faulty-ok', true)).toMatchObject({ status: 200, text: PROMPT });
    // A date has whole seconds.
    expect(Date.now()).toBeGreaterThanOrEqual(Math.floor(at / 1000) * 1000);
  });

  it('that is too long is told to the client', async () => {
    bench.faulty.script({ kind: 'status', status: 429, retryAfter: '3600' });
    expect(await ask(url, 'faulty-ok', false)).toMatchObject({ status: 429, code: 'rate_limited', retryAfter: '3600' });
    expect(bench.faulty.count).toBe(1);
  });

  it('with another fault after it ends in an answer within the attempts', async () => {
    bench.faulty.script({ kind: 'reset', at: 'before-headers' }, { kind: 'status', status: 500 });
    expect(await ask(url, 'faulty-ok', true)).toMatchObject({ status: 200, text: PROMPT, complete: true });
    expect(bench.faulty.count).toBe(3);
  });
});

describe('a client that leaves', () => {
  it.each([
    ['before the headers, plain', 'stall-before-headers', false],
    ['before the headers, streaming', 'stall-before-headers', true],
    ['in the middle, plain', 'stall-after-chunks', false],
    ['in the middle, streaming', 'stall-after-chunks', true],
  ])('%s', { timeout: 60_000 }, async (_, fault, stream) => {
    const client = new AbortController();
    const answer = fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      signal: client.signal,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: `patient-${fault}`, stream, messages: [{ role: 'user', content: PROMPT }] }),
    })
      .then((response) => response.text())
      .catch((error: unknown) => error);
    await expect.poll(() => bench.faulty.open, { timeout: 10_000 }).toBe(1);
    // The pieces before the stall are on their way.
    await sleep(100);
    const left = performance.now();
    client.abort();
    await answer;
    await expect.poll(() => bench.faulty.calls[0]?.state, { timeout: 10_000 }).toBe('abandoned');
    expect((bench.faulty.calls[0]?.endedAt ?? Infinity) - left).toBeLessThan(1_000);
    expect(bench.faulty.count).toBe(1);
  });
});

describe('what reaches the upstream', () => {
  it.each([
    ['in one piece by default', 'plain-ok', false],
    ['as a stream where that is set', 'faulty-ok', true],
  ])('is a plain request %s', async (_, model, stream) => {
    expect(await ask(url, model, false)).toMatchObject({ status: 200, text: PROMPT });
    expect(JSON.stringify(bench.faulty.calls[0]?.body).includes('"stream":true')).toBe(stream);
  });

  it('is the key from its reference and the trace of the caller', async () => {
    await ask(url, 'faulty-ok', false, { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` });
    const [call] = bench.faulty.calls;
    expect(call?.headers.authorization).toBe(`Bearer ${API_KEY}`);
    expect(call?.headers['traceparent']).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-0[01]$`));
    expect(call?.body).toMatchObject({ model: 'ok', stream: true, stream_options: { include_usage: true } });
    expect(bench.server.output()).not.toContain(API_KEY);
  });

  it('are embeddings too', async () => {
    const embed = async (model: string) => {
      const response = await fetch(`${url}/v1/embeddings`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model, input: ['a', 'bb'] }),
      });
      return {
        status: response.status,
        body: (await response.json()) as { data?: unknown[]; error?: { code: string } },
      };
    };
    const { status, body } = await embed('embedder');
    expect([status, body.data?.length]).toEqual([200, 2]);
    for (const model of ['broken-embedder', 'empty-embedder']) {
      bench.faulty.forget();
      expect(await embed(model), model).toMatchObject({ status: 502, body: { error: { code: 'provider_failed' } } });
      expect(bench.faulty.count).toBe(ATTEMPTS);
    }
  });
});

describe('Golek behind Golek', () => {
  it('answers the same', { timeout: 120_000 }, async () => {
    await using inner = await serve();
    await using outer = await serve({
      environment: {
        GOLEK_UPSTREAMS: JSON.stringify([{ id: 'inner', baseUrl: `${inner.url}/v1`, dialect: 'llama-cpp' }]),
        GOLEK_MODELS_LIST: JSON.stringify([
          { name: 'tiny', provider: 'inner', model: 'golek-tiny', options: { verify: true } },
          { name: 'none', provider: 'inner', model: 'golek-tyni', options: { verify: true } },
        ]),
      },
    });
    const complete = async (base: string, model: string, stream: boolean) => {
      const response = await fetch(`${base}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          model,
          stream,
          temperature: 0,
          top_k: 5,
          max_tokens: 40,
          logprobs: true,
          messages: [{ role: 'user', content: 'What is the weather in Paris?' }],
          tools: [
            {
              type: 'function',
              function: {
                name: 'get_weather',
                parameters: { type: 'object', properties: { city: { type: 'string' } } },
              },
            },
          ],
        }),
      });
      return { status: response.status, body: await response.text() };
    };
    const [direct, through] = [
      await complete(inner.url, 'golek-tiny', false),
      await complete(outer.url, 'tiny', false),
    ];
    const essence = ({ status, body }: typeof direct): unknown => {
      const { choices, usage } = JSON.parse(body) as {
        choices: { finish_reason: string; message: { tool_calls?: { function: object }[] } }[];
        usage: { completion_tokens: number; prompt_tokens: number };
      };
      return [
        status,
        choices.map(({ finish_reason, message }) => [finish_reason, message.tool_calls?.map((call) => call.function)]),
        [usage.prompt_tokens, usage.completion_tokens],
      ];
    };
    expect(essence(through)).toEqual(essence(direct));
    expect((await complete(outer.url, 'tiny', true)).body).toMatch(/get_weather[\s\S]*data: \[DONE\]\n\n$/);
    expect(await complete(outer.url, 'none', false)).toMatchObject({
      status: 404,
      body: expect.stringContaining("did you mean 'golek-tiny'?"),
    });
  });
});
