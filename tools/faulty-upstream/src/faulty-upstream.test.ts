import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FAULTS, startFaultyUpstream, type FaultyUpstream } from './index.ts';

let upstream: FaultyUpstream;
beforeEach(async () => {
  upstream = await startFaultyUpstream({ models: FAULTS });
});
afterEach(() => upstream[Symbol.asyncDispose]());

const ask = (model: string, rest: object = {}, init: RequestInit = {}): Promise<Response> =>
  fetch(`${upstream.url}/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'één twee drie' }], ...rest }),
    ...init,
  });

const contentOf = (sse: string): string =>
  sse
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data:') && !line.includes('[DONE]'))
    .map((line) => JSON.parse(line.slice(5)) as { choices: { delta: { content?: string } }[] })
    .map(({ choices }) => choices[0]?.delta.content ?? '')
    .join('');

describe('the faulty upstream', () => {
  it('says the prompt back, plain and streamed, however the bytes are cut', async () => {
    const plain = (await (await ask('ok')).json()) as { choices: { message: { content: string } }[] };
    expect(plain.choices[0]?.message.content).toBe('één twee drie');
    for (const model of ['ok', 'slow-drip', 'split-packets']) {
      expect(contentOf(await (await ask(model, { stream: true })).text()), model).toBe('één twee drie');
    }
    expect(upstream.calls.map(({ state }) => state)).toEqual(['answered', 'answered', 'answered', 'answered']);
  });

  it('follows a script first, then the model', async () => {
    upstream.script({ kind: 'status', status: 503, retryAfter: '7' });
    const first = await ask('ok');
    expect([first.status, first.headers.get('retry-after')]).toEqual([503, '7']);
    expect((await ask('ok')).status).toBe(200);
    expect(upstream.count).toBe(2);
  });

  it('refuses connections and accepts them again on the same port', async () => {
    await upstream.refuse();
    await expect(ask('ok')).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    await upstream.accept();
    expect((await ask('ok')).status).toBe(200);
  });

  it('resets and cuts', async () => {
    await expect(ask('reset-before-headers')).rejects.toThrow();
    for (const model of ['reset-after-headers', 'reset-after-chunks', 'cut-by-close']) {
      const response = await ask(model, { stream: true });
      await expect(response.text(), model).rejects.toThrow();
    }
    expect(await (await ask('cut-by-end', { stream: true })).text()).not.toContain('[DONE]');
  });

  it('tells when the client leaves a stalled answer', async () => {
    const client = new AbortController();
    const response = await ask('stall-after-chunks', { stream: true }, { signal: client.signal });
    expect(upstream.open).toBe(1);
    client.abort();
    await expect(response.text()).rejects.toThrow();
    await expect.poll(() => upstream.calls[0]?.state).toBe('abandoned');
  });

  it('keeps what it was sent', async () => {
    await ask('ok', { n: 2 }, { headers: { authorization: 'Bearer k' } });
    expect(upstream.calls[0]).toMatchObject({
      path: '/v1/chat/completions',
      headers: { authorization: 'Bearer k' },
      body: { n: 2 },
    });
  });
});
