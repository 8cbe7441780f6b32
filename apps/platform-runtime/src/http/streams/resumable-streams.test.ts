import Anthropic from '@anthropic-ai/sdk';
import { MetricRegistry } from '@golek/kernel';
import type { Authenticator } from '@golek/plugins-api';
import type { FakeToken } from '@golek/providers-spi/testing';
import fc from 'fast-check';
import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { chat, CONFIG, serve, type TestServer } from '../server.fixture.ts';
import { ask, eventsOf, lastId, plain, STREAMS, type Answer } from './resumable.fixture.ts';
import { StreamMetrics } from './stream-metrics.ts';

const [CHAT, streamed] = STREAMS.chat;
const WANTED = { 'x-golek-resumable': 'true' };

/** Letters of several bytes, blank lines and remarks: what could be split wrongly. */
const SCRIPT: readonly FakeToken[] = [
  'Hel\n\nlo',
  { type: 'warning', message: 'told\nin between' },
  ' 🦜',
  'data: x\n\n',
  'id: 5',
  '\r\n',
  'ünd',
  'so',
  ' on',
];

const resume = (
  { url }: Pick<TestServer, 'url'>,
  id: string,
  last?: string,
  options: Parameters<typeof ask>[1] = {},
): Promise<Answer> =>
  ask(`${url}/v1/streams/${id}`, {
    ...options,
    headers: { ...options.headers, ...(last && { 'last-event-id': last }) },
  });

/** True when so many whole events have come. */
const events =
  (count: number) =>
  (text: string): boolean =>
    eventsOf(text).length >= count;

const code = ({ status, text }: Answer): string => `${status} ${/"(?:error_)?code":"(\w+)"/.exec(text)?.[1] ?? ''}`;

/** A server whose model goes on forever after two tokens. */
const hanging = (options: Parameters<typeof serve>[1] = {}): Promise<TestServer> =>
  serve({ tiny: { answer: ['a', 'b', 'c'], hang: { at: 2 } } }, options);

/** Begins a stream and leaves after its first events. */
const leave = async ({ url }: TestServer, id: string, count = 2): Promise<string[]> => {
  const headers = { ...WANTED, 'x-request-id': id };
  const { text } = await ask(url + CHAT, { body: streamed, headers, enough: events(count) });
  return eventsOf(text).slice(0, count);
};

describe.each(Object.entries(STREAMS))('%s', (_name, [path, body]) => {
  test('cut behind any event, and taken up: every event once, byte for byte', async () => {
    const server = await serve({ tiny: { answer: SCRIPT, delayMs: 1 } });
    const whole = eventsOf((await ask(server.url + path, { body })).text);
    expect(whole.length).toBeGreaterThan(8);
    for (let count = 0; count <= whole.length; count += 1) {
      const id = `cut-${count}`;
      const headers = { ...WANTED, 'x-request-id': id };
      const first = await ask(server.url + path, { body, headers, enough: events(Math.max(count, 1)) });
      expect(first.headers.get('x-golek-resume')).toBe(`/v1/streams/${id}`);
      const had = eventsOf(first.text).slice(0, count);
      expect(lastId(had)).toBe(count === 0 ? undefined : `${id}:${count}`);
      const rest = await resume(server, id, lastId(had));
      expect(rest.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
      const all = [...had, ...eventsOf(rest.text)];
      expect(plain(all)).toBe(plain(whole));
      expect(all.map((event) => lastId([event]))).toEqual(whole.map((_, index) => `${id}:${index + 1}`));
    }
  });

  test('cut anywhere, also within an event or a letter, as often as one likes', async () => {
    const server = await serve({ tiny: { answer: SCRIPT } });
    const whole = plain(eventsOf((await ask(server.url + path, { body })).text));
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(900), { maxLength: 4 }), async (cuts) => {
        const id = `anywhere-${(runs += 1)}`;
        const headers = { ...WANTED, 'x-request-id': id };
        const had: string[] = [];
        for (const [index, length] of [...cuts, Infinity].entries()) {
          const enough = (text: string): boolean => text.length >= length;
          const answer =
            index === 0
              ? await ask(server.url + path, { body, headers, enough })
              : await resume(server, id, lastId(had), { enough });
          had.push(...eventsOf(answer.text.slice(0, length)));
        }
        expect(plain(had)).toBe(whole);
      }),
      { numRuns: 25 },
    );
  });
});

test('official clients read streams with ids as they read others', async () => {
  const { url } = await serve({ tiny: { answer: SCRIPT } });
  const text = SCRIPT.filter((token) => typeof token === 'string').join('');
  const settings = { defaultHeaders: WANTED, maxRetries: 0 };
  const openai = new OpenAI({ ...settings, baseURL: `${url}/v1`, apiKey: 'none' });
  const messages = [{ role: 'user' as const, content: 'hello' }];
  const chatted = await openai.chat.completions.stream({ model: 'tiny', messages }).finalContent();
  expect(chatted).toBe(text);
  const anthropic = new Anthropic({ ...settings, baseURL: url, apiKey: 'none' });
  const message = anthropic.messages.stream({ model: 'tiny', max_tokens: 100, messages });
  expect(await message.finalText()).toBe(text);
});

test('events have ids only where that was asked for', async () => {
  const { url } = await serve({ tiny: { answer: ['a'] } });
  for (const headers of [{}, { 'x-golek-resumable': 'false' }]) {
    const { text, headers: sent } = await ask(url + CHAT, { body: streamed, headers });
    expect(text).not.toContain('id: ');
    expect(sent.has('x-golek-resume')).toBe(false);
  }
});

describe('a client that does not come back', () => {
  test('ends the run, and everything is given back', async () => {
    const registry = new MetricRegistry();
    const server = await hanging({ streamMetrics: new StreamMetrics(registry), config: { resumeWindowMs: 150 } });
    const kept = (): unknown => registry.collect().find(({ name }) => name === 'golek.streams.kept_size')?.points[0];
    expect(kept()).toMatchObject({ value: 0 });
    await leave(server, 'gone');
    expect(server.engine.inFlight).toBe(1);
    expect(kept()).not.toMatchObject({ value: 0 });
    await expect.poll(() => [server.engine.inFlight, server.provider.stats.active]).toEqual([0, 0]);
    expect(kept()).toMatchObject({ value: 0 });
    expect(code(await resume(server, 'gone', 'gone:1'))).toBe('404 not_found');
    expect(registry.collect().find(({ name }) => name === 'golek.streams.resumes')?.points).toMatchObject([
      { attributes: { 'golek.outcome': 'away' }, value: 1 },
      { attributes: { 'golek.outcome': 'not_found' }, value: 1 },
    ]);
    expect(server.lines).toContainEqual({
      level: 'info',
      fields: { request: 'gone' },
      message: 'a stream was ended: its client did not come back',
    });
  });

  test('has its complete answer kept for a time', async () => {
    const server = await serve({ tiny: { answer: ['a', 'b'] } }, { config: { resumeWindowMs: 300 } });
    const had = await leave(server, 'late');
    await expect.poll(() => server.engine.inFlight).toBe(0);
    expect((await resume(server, 'late', lastId(had))).text).toMatch(/"b".*\[DONE\]\n\n$/s);
    // HEAD looks only: it keeps nothing longer.
    const there = async (): Promise<number> => (await resume(server, 'late', undefined, { method: 'HEAD' })).status;
    await expect.poll(there).toBe(404);
  });

  test('whose model still loads is waited for, too', async () => {
    const server = await serve(
      { tiny: { answer: ['a'], load: { steps: 1, stepMs: 200 } } },
      { config: { heartbeatMs: 20 } },
    );
    const headers = { ...WANTED, 'x-request-id': 'early' };
    await ask(server.url + CHAT, { body: streamed, headers, enough: (text) => text.includes('heartbeat') });
    const { text } = await resume(server, 'early');
    expect(text).toMatch(/^(: heartbeat\n\n)*id: early:1\ndata: .*\[DONE\]\n\n$/s);
  });

  test('has its time limit all the same', async () => {
    const server = await hanging();
    const headers = { ...WANTED, 'x-request-id': 'timed', 'x-golek-timeout-ms': '200' };
    const { text } = await ask(server.url + CHAT, { body: streamed, headers, enough: events(1) });
    const rest = await resume(server, 'timed', lastId(eventsOf(text).slice(0, 1)));
    expect(rest.text).toMatch(/deadline_exceeded"\}\}\n\n$/);
  });
});

describe('buffers', () => {
  const answer = Array.from({ length: 300 }, (_, index) => `${index},`.padEnd(4000, 'x'));
  const model = { answer, contextLength: 1_000_000, delayMs: 5 };
  const config = { resumeBufferBytes: 65_536 };

  /** Until the run stands still. */
  const settled = ({ provider }: TestServer): Promise<number> => {
    let pulled = -1;
    const still = (): boolean => {
      const before = pulled;
      pulled = provider.stats.pulled;
      return pulled === before;
    };
    return expect
      .poll(still, { interval: 60 })
      .toBe(true)
      .then(() => pulled);
  };

  test('a full one stops the run until the client is back, who gets everything', async () => {
    const server = await serve({ tiny: model }, { config });
    const had = await leave(server, 'full');
    // 16 fit, beside those that were made before it was known that the client is gone.
    const pulled = await settled(server);
    expect(pulled).toBeLessThan(150);
    expect(server.engine.inFlight).toBe(1);
    const rest = await resume(server, 'full', lastId(had));
    const numbers = [...plain([...had, rest.text]).matchAll(/"content":"(\d+),/g)].map(([, number]) => Number(number));
    expect(numbers).toEqual(answer.map((_, index) => index));
  });

  test('what does not fit any longer is gone, and the error says so', async () => {
    const server = await serve({ tiny: { ...model, hang: { at: 290 } } }, { config });
    const headers = { ...WANTED, 'x-request-id': 'long' };
    const { text } = await ask(server.url + CHAT, { body: streamed, headers, enough: events(291) });
    const late = await resume(server, 'long', 'long:3');
    expect(code(late)).toBe('410 gone');
    expect(late.text).toMatch(/events from \d+ on are kept, and event 4 is wanted/);
    expect(lastId(eventsOf(text))).toBe('long:291');
    const before = await resume(server, 'long', 'long:290', { enough: events(1) });
    expect(before.text).toMatch(/^id: long:291\n/);
    // Nothing follows yet, and the client is told that it is connected.
    const leaving = AbortSignal.timeout(5000);
    const headers291 = { 'last-event-id': 'long:291' };
    const response = await fetch(`${server.url}/v1/streams/long`, { headers: headers291, signal: leaving });
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });

  test('a full server stops the runs of those who are away until there is room', async () => {
    const server = await serve(
      { tiny: { ...model, answer: answer.slice(0, 60) } },
      { config: { resumeBufferBytes: 1_000_000, resumeTotalBytes: 120_000 } },
    );
    const first = await leave(server, 'first');
    const second = await leave(server, 'second');
    const pulled = await settled(server);
    expect(pulled).toBeLessThan(60);
    expect(server.engine.inFlight).toBe(2);
    // Who reads needs no room, and makes some.
    const numbers = (text: string): number[] => [...text.matchAll(/"content":"(\d+),/g)].map(([, one]) => Number(one));
    const all = Array.from({ length: 60 }, (_, index) => index);
    expect(numbers(first.join('') + (await resume(server, 'first', lastId(first))).text)).toEqual(all);
    await settled(server);
    expect(server.engine.inFlight).toBe(1);
    expect(numbers(second.join('') + (await resume(server, 'second', lastId(second))).text)).toEqual(all);
  });

  test('a full server lets go of the oldest complete streams', async () => {
    const server = await serve(
      { tiny: { ...model, answer: answer.slice(0, 10) } },
      { config: { resumeTotalBytes: 120_000 } },
    );
    const status = async (id: string): Promise<number> =>
      (await resume(server, id, undefined, { method: 'HEAD' })).status;
    for (const id of ['a', 'b', 'c', 'd']) {
      await leave(server, id);
      await expect.poll(() => server.engine.inFlight).toBe(0);
    }
    expect(await Promise.all(['a', 'b', 'c', 'd'].map(status))).toEqual([404, 404, 200, 200]);
  });
});

test('a second reader takes over, and the first is cut off', async () => {
  const server = await serve({ tiny: { answer: ['a', 'b', 'c', 'd'], delayMs: 100 } });
  const headers = { ...WANTED, 'x-request-id': 'two' };
  let begun: () => void = () => undefined;
  const first = new Promise<void>((resolve) => (begun = resolve));
  const one = ask(server.url + CHAT, {
    body: streamed,
    headers,
    enough: (text) => {
      if (events(1)(text)) begun();
      return false;
    },
  });
  await first;
  const two = await resume(server, 'two');
  expect(two.text).toMatch(/"a".*\[DONE\]\n\n$/s);
  const { text, cut } = await one;
  expect(cut).toBeDefined();
  expect(text).not.toContain('[DONE]');
  expect(server.provider.stats.runs).toBe(1);
});

describe('places that cannot be gone on from', () => {
  const place = { error: { param: 'last-event-id' } };
  test.each([
    ['nonsense', '400 invalid_request', place],
    ['known', '400 invalid_request', place],
    ['known:-1', '400 invalid_request', place],
    ['other:1', '400 invalid_request', place],
    ['known:99', '409 conflict', place],
  ])('%s', async (last, expected, body) => {
    const server = await hanging();
    await leave(server, 'known');
    const answer = await resume(server, 'known', last);
    expect(code(answer)).toBe(expected);
    expect(JSON.parse(answer.text)).toMatchObject(body);
    // Nothing has changed.
    expect((await resume(server, 'known', 'known:1', { enough: events(1) })).status).toBe(200);
  });

  test('a stream of another tenant, of nobody, or of a server before this one', async () => {
    const keys: Authenticator = {
      name: 'keys',
      authenticate: ({ headers: { authorization } }) => {
        const tenant = String(authorization).replace('Bearer ', '');
        return { id: tenant, tenant, scopes: ['inference'] };
      },
    };
    const server = await hanging({ authenticators: [keys] });
    const mine = { authorization: 'Bearer mine' };
    const headers = { ...WANTED, ...mine, 'x-request-id': 'secret' };
    await ask(server.url + CHAT, { body: streamed, headers, enough: events(1) });
    const other = { headers: { authorization: 'Bearer theirs' } };
    for (const method of ['GET', 'DELETE']) {
      expect(code(await resume(server, 'secret', undefined, { method, ...other }))).toBe('404 not_found');
      expect(code(await resume(server, 'unknown', undefined, { method, headers: mine }))).toBe('404 not_found');
    }
    expect(server.engine.inFlight).toBe(1);
    const found = await resume(server, 'secret', 'secret:1', { headers: mine, enough: events(1) });
    expect(found.status).toBe(200);
  });

  test("in Anthropic's form for its clients", async () => {
    const { url } = await serve();
    const answer = await ask(`${url}/v1/streams/none`, { headers: { 'anthropic-version': '2023-06-01' } });
    expect(JSON.parse(answer.text)).toMatchObject({
      type: 'error',
      error: { type: 'not_found_error', message: expect.stringContaining("no stream 'none' is kept") as string },
    });
  });
});

describe('a repeated request', () => {
  const again = (server: TestServer, headers: Record<string, string>, body: unknown = streamed): Promise<Answer> =>
    ask(server.url + CHAT, { body, headers: { ...WANTED, ...headers } });

  test('goes on behind its last event', async () => {
    const server = await serve({ tiny: { answer: SCRIPT, delayMs: 5 } });
    const whole = plain(eventsOf((await ask(server.url + CHAT, { body: streamed })).text));
    const had = await leave(server, 'again', 3);
    const rest = await again(server, { 'last-event-id': lastId(had) ?? '' });
    expect(plain([...had, ...eventsOf(rest.text)])).toBe(whole);
    expect(server.provider.stats.runs).toBe(2);
  });

  test('with the same id gets the same answer, and another one once it has that', async () => {
    const server = await serve({ tiny: { answer: SCRIPT, delayMs: 5 } });
    await leave(server, 'same');
    const first = await again(server, { 'x-request-id': 'same' });
    expect(first.text).toMatch(/^(: .*\n\n)?id: same:1\n.*\[DONE\]\n\n$/s);
    expect(server.provider.stats.runs).toBe(1);
    await again(server, { 'x-request-id': 'same' });
    expect(server.provider.stats.runs).toBe(2);
  });

  test('that asks for something else is a conflict; one for an unknown stream is told so', async () => {
    const server = await hanging();
    const had = await leave(server, 'mine');
    const other = chat({ stream: true, seed: 1 });
    const place = { 'last-event-id': lastId(had) ?? '' };
    expect(code(await again(server, place, other))).toBe('409 conflict');
    expect(code(await again(server, { 'x-request-id': 'mine' }, other))).toBe('409 conflict');
    expect(code(await again(server, { 'last-event-id': 'unknown:1' }))).toBe('404 not_found');
  });
});

describe('failures', () => {
  test('in the middle are a part of the stream', async () => {
    const fail = { at: 2, code: 'engine_crashed', message: 'gone' } as const;
    const server = await serve({ tiny: { answer: ['a', 'b', 'c'], delayMs: 5, fail } });
    const had = await leave(server, 'failed');
    const rest = await resume(server, 'failed', lastId(had));
    expect(rest.text).toMatch(/"b".*\n\nid: failed:4\ndata: \{"error":\{"message":"gone",.*"engine_crashed"\}\}\n\n$/s);
    expect(rest.text).not.toContain('[DONE]');
  });

  test('before the first event have a status, and nothing is kept', async () => {
    const fail = { at: 0, code: 'engine_crashed', message: 'gone', times: 1 } as const;
    const server = await serve({ tiny: { fail } });
    const headers = { ...WANTED, 'x-request-id': 'early' };
    expect(code(await ask(server.url + CHAT, { body: streamed, headers }))).toBe('503 engine_crashed');
    expect(code(await resume(server, 'early'))).toBe('404 not_found');
    expect((await ask(server.url + CHAT, { body: streamed, headers })).text).toMatch(/\[DONE\]\n\n$/);
  });

  test('a client that stops reading is cut off and can come back', async () => {
    const answer = Array.from({ length: 2000 }, () => 'x'.repeat(10_000));
    const config = { writeTimeoutMs: 150, resumeBufferBytes: 64_000_000 };
    const server = await serve({ tiny: { answer, contextLength: 1_000_000 } }, { config });
    const response = await fetch(server.url + CHAT, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...WANTED, 'x-request-id': 'slow' },
      body: JSON.stringify(streamed),
    });
    const reader = response.body?.getReader();
    await reader?.read();
    // Cut off for not reading, not ended.
    await expect.poll(() => server.provider.stats.pulled, { timeout: 5000 }).toBeGreaterThan(1999);
    await reader?.cancel().catch(() => undefined);
    // So that a slow machine does not count as a client that stops reading.
    server.server.configure({ ...CONFIG, ...config, writeTimeoutMs: 10_000 });
    const { text } = await resume(server, 'slow');
    expect(text.length).toBeGreaterThan(20_000_000);
    expect(text).toMatch(/\[DONE\]\n\n$/);
  });
});

describe('ending', () => {
  test('DELETE ends the run, with and without a reader', async () => {
    const server = await hanging();
    await leave(server, 'away');
    const ended = await resume(server, 'away', undefined, { method: 'DELETE' });
    expect(JSON.parse(ended.text)).toEqual({ id: 'away', ended: true });
    await expect.poll(() => server.engine.inFlight).toBe(0);
    expect(code(await resume(server, 'away'))).toBe('404 not_found');

    const headers = { ...WANTED, 'x-request-id': 'read' };
    const { text } = await ask(server.url + CHAT, {
      body: streamed,
      headers,
      enough: (sofar) => {
        if (events(2)(sofar)) void resume(server, 'read', undefined, { method: 'DELETE' });
        return false;
      },
    });
    expect(text).toMatch(/"code":"cancelled"\}\}\n\n$/);
    expect(code(await resume(server, 'read'))).toBe('404 not_found');
  });

  test('a server that stops ends what nobody reads at once, and lets the others come to their end', async () => {
    const server = await serve({
      tiny: { answer: ['a', 'b', 'c', 'd'], delayMs: 50, hang: { at: 2, when: 'forever' } },
    });
    const forever = chat({ stream: true, messages: [{ role: 'user', content: 'forever' }] });
    const headers = { ...WANTED, 'x-request-id': 'away' };
    await ask(server.url + CHAT, { body: forever, headers, enough: events(1) });
    let begun: () => void = () => undefined;
    const reading = new Promise<void>((resolve) => (begun = resolve));
    const read = ask(server.url + CHAT, {
      body: streamed,
      headers: { ...WANTED, 'x-request-id': 'read' },
      enough: (text) => {
        if (events(1)(text)) begun();
        return false;
      },
    });
    await reading;
    const began = performance.now();
    const [drained] = await Promise.all([server.engine.drain(20_000), server.server.drain(20_000)]);
    expect(drained).toBe(true);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect((await read).text).toMatch(/\[DONE\]\n\n$/);
  });
});

test('what cannot be resumed is refused by name; HEAD looks only', async () => {
  const server = await hanging();
  const ollama = await ask(`${server.url}/api/chat`, {
    body: { model: 'tiny', messages: [{ role: 'user', content: 'x' }] },
    headers: WANTED,
  });
  expect(ollama.status).toBe(400);
  expect(ollama.text).toContain('x-golek-resumable');
  const odd = await ask(server.url + CHAT, { body: streamed, headers: { 'x-golek-resumable': 'yes' } });
  expect(JSON.parse(odd.text)).toMatchObject({ error: { code: 'invalid_request', param: 'x-golek-resumable' } });
  await leave(server, 'looked');
  expect((await resume(server, 'looked', undefined, { method: 'HEAD' })).headers.get('x-golek-resume')).toBe(
    '/v1/streams/looked',
  );
  expect((await resume(server, 'none', undefined, { method: 'HEAD' })).status).toBe(404);
});
