import { once } from 'node:events';
import type { FakeToken } from '@golek/providers-spi/testing';
import { describe, expect, test } from 'vitest';
import { dial, httpPost } from './raw-exchange.fixture.ts';
import { chat, serve } from './server.fixture.ts';

const CHAT = '/v1/chat/completions';
const streamed = chat({ stream: true });

/** The text of the answers' deltas. */
const textOf = (sse: string): string =>
  [...sse.matchAll(/"delta":\{"content":("(?:[^"\\]|\\.)*")/g)]
    .map(([, json]) => JSON.parse(json ?? '') as string)
    .join('');

test('the bytes of a stream', async () => {
  const { post } = await serve({ tiny: { answer: ['Hel', 'lo'] } });
  const response = await post(CHAT, chat({ stream: true, stream_options: { include_usage: true } }), {
    headers: { 'content-type': 'application/json', 'x-request-id': 'test-1' },
  });
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
    'x-request-id': 'test-1',
    'transfer-encoding': 'chunked',
  });
  const text = (await response.text()).replaceAll(/"created":\d{10},/g, '"created":0,');
  const head = 'data: {"id":"chatcmpl-test-1","object":"chat.completion.chunk","created":0,"model":"tiny",';
  const choice = (delta: string, finish: string): string =>
    `${head}"choices":[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finish}}],"usage":null}`;
  expect(text).toBe(
    [
      choice('{"role":"assistant","content":"","refusal":null}', 'null'),
      choice('{"content":"Hel"}', 'null'),
      choice('{"content":"lo"}', 'null'),
      choice('{}', '"stop"'),
      `${head}"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}`,
      'data: [DONE]',
      '',
    ].join('\n\n'),
  );
});

test('events that are at hand are one chunk of the body', async () => {
  const { url } = await serve({ tiny: { answer: Array.from({ length: 100 }, () => 'x') } });
  const socket = await dial(url);
  let text = '';
  socket.setEncoding('utf8').on('data', (data: string) => {
    text += data;
  });
  socket.write(httpPost(CHAT, JSON.stringify(streamed)));
  await once(socket, 'close');
  const sizes = [...text.matchAll(/\r\n([0-9a-f]+)\r\n(?=data)/g)].map(([, hex]) => Number.parseInt(hex ?? '', 16));
  expect(textOf(text)).toBe('x'.repeat(100));
  // 103 events of about 170 bytes, gathered up to 16 KiB.
  expect(sizes.length).toBeLessThanOrEqual(3);
});

describe('heart-beats', () => {
  test('while a model loads, then the answer', async () => {
    const { post } = await serve({ tiny: { load: { steps: 1, stepMs: 250 } } }, { config: { heartbeatMs: 40 } });
    const text = await (await post(CHAT, streamed)).text();
    expect(text).toMatch(/^(: heartbeat\n\n){2,}data: /);
    expect(textOf(text)).toBe('The answer is scripted.');
    expect(text).toMatch(/\[DONE\]\n\n$/);
  });
  test('in the middle of an answer', async () => {
    const { post } = await serve({ tiny: { answer: ['a', 'b'], delayMs: 150 } }, { config: { heartbeatMs: 40 } });
    const text = await (await post(CHAT, streamed)).text();
    expect(text).toMatch(/"content":"a".*\n\n(: heartbeat\n\n)+data: .*"content":"b"/);
  });
  test('a load that fails after one is told in the stream', async () => {
    const { post } = await serve(
      { tiny: { load: { stepMs: 150, error: { code: 'insufficient_memory', message: 'too large' } } } },
      { config: { heartbeatMs: 40 } },
    );
    const response = await post(CHAT, streamed);
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).toMatch(/^(: heartbeat\n\n)+data: \{"error":\{.*"code":"insufficient_memory"\}\}\n\n$/);
  });
  test('a load that fails before one has a status', async () => {
    const { post } = await serve({
      tiny: { load: { stepMs: 20, error: { code: 'insufficient_memory', message: 'too large' } } },
    });
    const response = await post(CHAT, streamed);
    expect(response.status).toBe(503);
    expect(response.headers.get('content-type')).toContain('application/json');
  });
});

test('a failure after the headers is told in the stream, which has no mark of success', async () => {
  const { post } = await serve({
    tiny: { answer: ['a', 'b'], delayMs: 20, fail: { at: 1, code: 'engine_crashed', message: 'gone' } },
  });
  const response = await post(CHAT, streamed);
  expect(response.status).toBe(200);
  const text = await response.text();
  expect(textOf(text)).toBe('a');
  expect(text).not.toContain('[DONE]');
  expect(text).toMatch(
    /data: \{"error":\{"message":"gone","type":"server_error","param":null,"code":"engine_crashed"\}\}\n\n$/,
  );
});

test('one of several prompts that fails ends the others', async () => {
  const { post, provider } = await serve({
    tiny: {
      answer: ['a', 'b', 'c'],
      delayMs: 10,
      fail: { at: 1, when: 'bad', code: 'engine_crashed', message: 'gone' },
      hang: { at: 1, when: 'good' },
    },
  });
  for (const stream of [true, false]) {
    const response = await post('/v1/completions', { model: 'tiny', prompt: ['good', 'bad', 'good'], stream });
    expect(await response.text()).toContain('engine_crashed');
    await expect.poll(() => provider.stats.active).toBe(0);
  }
});

describe('a client that leaves', () => {
  test.each([
    ['while the model loads', { load: { stepMs: 60_000 } }, true],
    ['before the first event', { hang: { at: 0 } }, true],
    ['before an unary answer', { hang: { at: 1 } }, false],
    ['in the middle', { answer: ['a', 'b'], hang: { at: 1 } }, true],
  ])('%s: the run ends as cancelled', async (_name, model, stream) => {
    const outcomes: unknown[] = [];
    const watch = {
      phase: 'OBSERVABILITY' as const,
      name: 'test.outcome',
      observe: () => ({
        end: (outcome: object) => {
          outcomes.push(outcome);
        },
      }),
    };
    const { url, engine } = await serve({ tiny: model }, { phases: [watch] });
    const socket = await dial(url);
    socket.write(httpPost(CHAT, JSON.stringify(chat({ stream }))));
    await expect.poll(() => engine.inFlight).toBe(1);
    if (stream && 'answer' in model) await once(socket, 'data');
    socket.destroy();
    await expect.poll(() => engine.inFlight).toBe(0);
    expect(outcomes).toMatchObject([{ status: 'failed', error: { code: 'cancelled' } }]);
  });
});

describe('a client that does not read', () => {
  const token = 'x'.repeat(10_000);
  const endless: FakeToken[] = Array.from({ length: 20_000 }, () => token);
  // The context counts the tokens of an answer.
  const model = { answer: endless, contextLength: 1_000_000 };

  test('stops the run, and gets all of it when it reads on', async () => {
    const { url, provider } = await serve({ tiny: { ...model, answer: endless.slice(0, 5000) } });
    const socket = await dial(url);
    socket.write(httpPost(CHAT, JSON.stringify(streamed)));
    await once(socket, 'readable');
    let pulled = -1;
    await expect
      .poll(
        () => {
          const before = pulled;
          pulled = provider.stats.pulled;
          return pulled === before;
        },
        { interval: 100 },
      )
      .toBe(true);
    // Of 50 MB no more than the buffers of both sockets was made.
    expect(pulled).toBeLessThan(2500);
    let received = 0;
    socket.on('data', (data: Buffer) => {
      received += data.length;
    });
    await once(socket, 'close');
    expect(received).toBeGreaterThan(50_000_000);
    expect(provider.stats.active).toBe(0);
  });

  test('is cut off in the end', async () => {
    const { url, engine } = await serve({ tiny: model }, { config: { writeTimeoutMs: 150 } });
    const socket = await dial(url);
    socket.write(httpPost(CHAT, JSON.stringify(streamed)));
    await once(socket, 'readable');
    await expect.poll(() => engine.inFlight, { timeout: 5000 }).toBe(0);
    socket.resume();
    await once(socket, 'close');
  });

  test('and leaves while the run waits for it', async () => {
    const { url, engine, provider } = await serve({ tiny: model });
    const socket = await dial(url);
    socket.write(httpPost(CHAT, JSON.stringify(streamed)));
    await once(socket, 'readable');
    socket.destroy();
    await expect.poll(() => [engine.inFlight, provider.stats.active]).toEqual([0, 0]);
  });
});
