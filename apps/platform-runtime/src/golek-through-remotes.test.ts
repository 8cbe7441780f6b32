import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { GenerateRequest, InferenceResult, SpanData } from '@golek/api';
import { EXTENSIONS } from '@golek/system';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modelOf, REMOTES, takesChats, upstreamTo, type Remote } from './remotes.fixture.ts';
import { startGolek, startScripted, type RunningGolek } from './running-golek.fixture.ts';

/** An abort has to cross both servers so fast when the machine lets it: milliseconds. */
const CROSSING_MS = 100;
const TRIES = 5;

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

const spans: SpanData[] = [];
/** One that runs golek-tiny, and one whose answers stop after a word and never end. */
let behind: RunningGolek;
let endless: RunningGolek;
let front: RunningGolek;

beforeAll(async () => {
  behind = stack.use(await startGolek());
  endless = stack.use(await startScripted({ endless: { answer: ['one', ' two', ' three'], hang: { at: 2 } } }));
  const upstreams = REMOTES.flatMap((remote) => [
    upstreamTo(behind, remote),
    { ...upstreamTo(endless, remote), id: `${remote}-endless` },
  ]);
  const list = REMOTES.flatMap((remote) => [
    modelOf(remote, remote, 'golek-tiny'),
    modelOf(`${remote}-endless`, remote, 'endless'),
  ]);
  front = stack.use(await startGolek({ upstreams, models: { bundled: false, list } }));
  for (const [index, { system }] of [front, behind].entries()) {
    const exporter = {
      name: 'kept',
      exportSpans: (batch: readonly SpanData[]) => {
        const server = index === 0 ? 'front' : 'behind';
        spans.push(...batch.map((span) => ({ ...span, attributes: { ...span.attributes, server } })));
      },
    };
    await system.get(EXTENSIONS).change({ exporters: { remove: [], add: [exporter] } });
  }
}, 60_000);

const TEXT = 'Tell me a story.';
const inputFor = (remote: Remote): GenerateRequest['input'] =>
  takesChats(remote)
    ? { type: 'chat', messages: [{ role: 'user', content: [{ type: 'text', text: TEXT }] }] }
    : { type: 'text', prompt: TEXT };

interface Asking {
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

const ask = (
  model: string,
  remote: Remote,
  stream: boolean,
  { signal, headers = {} }: Asking = {},
): Promise<Response> => {
  const chat = takesChats(remote);
  return fetch(`${front.url}/v1/${chat ? 'chat/completions' : 'completions'}`, {
    method: 'POST',
    body: JSON.stringify({
      model,
      stream,
      temperature: 0,
      max_tokens: 20,
      ...(chat ? { messages: [{ role: 'user', content: TEXT }] } : { prompt: TEXT }),
    }),
    headers: { 'content-type': 'application/json', ...headers },
    ...(signal && { signal }),
  });
};

const until = async (done: () => boolean, limitMs = 10_000): Promise<void> => {
  for (const start = performance.now(); !done();) {
    if (performance.now() - start > limitMs) throw new Error(`not within ${limitMs} ms`);
    await setImmediate();
  }
};

describe.each(REMOTES)('Golek in front of Golek, by %s', (remote) => {
  test('gives the same tokens, the same end and the same counts', async () => {
    const request: GenerateRequest = {
      task: 'generate',
      model: 'golek-tiny',
      input: inputFor(remote),
      maxTokens: 40,
      sampling: { temperature: 0 },
    };
    const [direct, crossed] = [await behind.run(request), await front.run({ ...request, model: remote })];
    const plain = ({ choices, usage, warnings }: InferenceResult): unknown => ({
      choices: choices.map(({ text, finish }) => [text, finish]),
      tokens: [usage?.promptTokens, usage?.completionTokens],
      warnings,
    });
    expect(direct.usage?.completionTokens).toBe(40);
    expect(plain(crossed)).toEqual(plain(direct));
  });

  test.each([
    ['a stream', true],
    ['a whole answer', false],
  ])('a client that leaves %s ends both runs', async (_, stream) => {
    const times: number[] = [];
    for (let round = 0; round < TRIES; round++) {
      const controller = new AbortController();
      const answer = ask(`${remote}-endless`, remote, stream, { signal: controller.signal });
      const failed = answer
        .then((response) => response.text())
        .then(
          () => 'an answer',
          (error: unknown) => (error as Error).name,
        );
      if (stream) await answer;
      await until(() => endless.inFlight() === 1 && front.inFlight() === 1);
      const start = performance.now();
      controller.abort();
      await until(() => endless.inFlight() + front.inFlight() === 0);
      times.push(performance.now() - start);
      expect(await failed).toBe('AbortError');
    }
    process.stdout.write(
      `${remote}, ${stream ? 'a stream' : 'a whole answer'}: ended behind after ${times.map((ms) => ms.toFixed(1)).join(', ')} ms\n`,
    );
    // The best of some: a loaded machine may hold up any one of them.
    expect(Math.min(...times)).toBeLessThan(CROSSING_MS);
  });

  test('is one trace from the client to the engine behind', async () => {
    const [traceId, client] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
    const response = await ask(remote, remote, true, { headers: { traceparent: `00-${traceId}-${client}-01` } });
    expect(await response.text()).toContain('[DONE]');
    const trace = (): SpanData[] => spans.filter((span) => span.traceId === traceId);
    const named = (server: string, name: string): SpanData | undefined =>
      trace().find((span) => span.attributes['server'] === server && span.name === name);
    await expect
      .poll(() => named('behind', 'decode') && trace().some(({ parentSpanId }) => parentSpanId === client), {
        timeout: 20_000,
      })
      .toBe(true);
    const ids = new Set(trace().map(({ spanId }) => spanId));
    const roots = trace().filter(({ parentSpanId = '' }) => !ids.has(parentSpanId));
    expect(roots.map(({ parentSpanId, attributes }) => [attributes['server'], parentSpanId])).toEqual([
      ['front', client],
    ]);
    const entered = trace().filter(
      ({ attributes, parentSpanId }) =>
        attributes['server'] === 'behind' &&
        trace().some((span) => span.spanId === parentSpanId && span.attributes['server'] === 'front'),
    );
    expect(entered.map(({ kind }) => kind)).toEqual(['server']);
    expect(trace().filter(({ error }) => error)).toEqual([]);
  });
});
