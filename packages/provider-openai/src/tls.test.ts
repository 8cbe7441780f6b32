import { GolekError } from '@golek/api';
import {
  startFaultyUpstream,
  TEST_CA,
  TEST_CLIENT_CERTIFICATE,
  TEST_CLIENT_KEY,
  TEST_SERVER_KEY,
  type FaultyUpstream,
  type FaultyUpstreamOptions,
} from '@golek/faulty-upstream';
import { collect } from '@golek/api';
import type { Provider } from '@golek/providers-spi';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createOpenAiProvider, type OpenAiProviderOptions } from './index.ts';
import { chat, contextOf } from './upstream.fixture.ts';

const setup = async (
  tls: NonNullable<FaultyUpstreamOptions['tls']>,
  options: Partial<OpenAiProviderOptions>,
  models: FaultyUpstreamOptions['models'] = {},
): Promise<{ readonly upstream: FaultyUpstream; readonly provider: Provider }> => {
  const upstream = await startFaultyUpstream({ tls, models });
  const provider = createOpenAiProvider({ baseUrl: upstream.url, ...options });
  onTestFinished(async () => {
    await provider[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });
  return { upstream, provider };
};

const open = (provider: Provider, location = 'm') =>
  provider.open({ name: 'm', location }, { signal: new AbortController().signal });

const ask = async (provider: Provider, text = 'one two', location = 'm'): Promise<string | undefined> => {
  const session = await open(provider, location);
  const { choices } = await collect(session.run(chat(text), contextOf()));
  return choices[0]?.text;
};

const failureOf = async (work: Promise<unknown>): Promise<GolekError> =>
  GolekError.from(
    await work.then(
      () => new Error('nothing failed'),
      (error: unknown) => error,
    ),
  );

describe('an https address', () => {
  it('is trusted by the authority that is given, and not without it', async () => {
    const { provider } = await setup({}, { tls: { ca: TEST_CA } });
    expect(await ask(provider)).toBe('one two');
    const other = await setup({}, {});
    expect(await failureOf(ask(other.provider))).toMatchObject({
      code: 'provider_misconfigured',
      message: expect.stringContaining('a certificate that is not trusted'),
    });
  });

  it('has to have the name that is given', async () => {
    const named = await setup({}, { tls: { ca: TEST_CA, serverName: 'models.internal' } });
    expect(await ask(named.provider)).toBe('one two');
    const wrong = await setup({}, { tls: { ca: TEST_CA, serverName: 'else.internal' } });
    expect(await failureOf(ask(wrong.provider))).toMatchObject({
      code: 'provider_misconfigured',
      message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
    });
  });

  it('may want a certificate of its clients', async () => {
    const shown = { ca: TEST_CA, certificate: TEST_CLIENT_CERTIFICATE, key: TEST_CLIENT_KEY };
    const known = await setup({ clientCertificate: true }, { tls: shown });
    expect(await ask(known.provider)).toBe('one two');
    const unknown = await setup({ clientCertificate: true }, { tls: { ca: TEST_CA } });
    expect((await failureOf(ask(unknown.provider))).code).toBe('provider_failed');
  });

  it.each([
    [{ tls: { ca: 'not a certificate' } }, 'ca'],
    [{ tls: { ca: '-----BEGIN CERTIFICATE-----\nzz\n-----END CERTIFICATE-----' } }, 'tls.ca'],
    [{ tls: { certificate: TEST_CLIENT_CERTIFICATE } }, 'tls.key'],
    [{ tls: { certificate: TEST_CLIENT_CERTIFICATE, key: TEST_SERVER_KEY } }, 'tls.certificate'],
    [{ tls: { serverName: 'a b' } }, 'serverName'],
    [{ tls: { cert: 'x' } }, 'cert'],
    [{ tls: {}, baseUrl: 'http://127.0.0.1:9/v1' }, 'tls.'],
  ])('%#: what cannot be used is refused by name, without what it holds', (options, key) => {
    const make = () => createOpenAiProvider({ baseUrl: 'https://127.0.0.1:9/v1', ...(options as object) });
    expect(make).toThrow(expect.objectContaining({ code: 'config_invalid', details: { key } }));
    expect(make).not.toThrow(/BEGIN|MC4C|PRIVATE/);
  });
});

describe('HTTP/2', () => {
  const h2 = { http2: true, tls: { ca: TEST_CA } };

  it('has many requests at once on few connections', async () => {
    const { upstream, provider } = await setup({ http2: true }, h2);
    await ask(provider);
    const before = upstream.connections;
    const texts = Array.from({ length: 40 }, (_, index) => `word${index} number ${index}`);
    expect(await Promise.all(texts.map((text) => ask(provider, text)))).toEqual(texts);
    expect(upstream.connections).toBe(before);
  });

  it('is not used where it is not asked for, and HTTP/1.1 where the service has nothing else', async () => {
    const plain = await setup({ http2: true }, { tls: h2.tls, connections: 4 });
    expect(await ask(plain.provider)).toBe('one two');
    const old = await setup({}, h2);
    expect(await ask(old.provider)).toBe('one two');
  });

  it('an abort ends its own stream only', async () => {
    const { upstream, provider } = await setup({ http2: true }, h2, {
      stalls: { kind: 'stall', at: 2 },
      slow: { kind: 'ok', words: 20, delayMs: 20 },
    });
    const slow = ask(provider, 'x', 'slow');
    const client = new AbortController();
    const session = await open(provider, 'stalls');
    const events = session.run(chat('one two three'), contextOf(client.signal))[Symbol.asyncIterator]();
    await events.next();
    const rest = (async () => {
      while (!(await events.next()).done);
    })();
    client.abort();
    expect((await failureOf(rest)).code).toBe('cancelled');
    await expect
      .poll(() => upstream.calls.find(({ behaviour }) => behaviour.kind === 'stall')?.state)
      .toBe('abandoned');
    expect((await slow)?.split(' ')).toHaveLength(21);
    expect(upstream.connections).toBeLessThanOrEqual(2);
  });

  it('a reader that does not read stops its own stream only', async () => {
    const { upstream, provider } = await setup({ http2: true }, h2, { endless: { kind: 'endless' } });
    const session = await open(provider, 'endless');
    const events = session.run(chat('go on'), contextOf())[Symbol.asyncIterator]();
    await events.next();
    let before = -1;
    const isStill = (): boolean => {
      const now = upstream.calls[0]?.bytes ?? 0;
      const still = now === before;
      before = now;
      return still;
    };
    await expect.poll(isStill, { interval: 200, timeout: 20_000 }).toBe(true);
    expect(before).toBeLessThan(32 * 1024 * 1024);
    expect(await ask(provider)).toBe('one two');
    await events.return?.();
    await expect.poll(() => upstream.open).toBe(0);
  });

  it('a silent service is given up, and answers with errors are read as ever', async () => {
    const { provider } = await setup(
      { http2: true },
      { ...h2, idleTimeoutMs: 300 },
      {
        silent: { kind: 'stall', at: 'before-headers' },
        mute: { kind: 'stall', at: 2 },
        busy: { kind: 'status', status: 429, retryAfter: '3' },
      },
    );
    expect((await failureOf(ask(provider, 'a b c', 'silent'))).code).toBe('deadline_exceeded');
    expect((await failureOf(ask(provider, 'a b c', 'mute'))).code).toBe('deadline_exceeded');
    expect(await failureOf(ask(provider, 'a', 'busy'))).toMatchObject({ code: 'rate_limited', retryAfter: 3 });
    expect(await ask(provider)).toBe('one two');
  });

  it('a service that goes away fails what was open, and is found again', async () => {
    const { upstream, provider } = await setup({ http2: true }, h2, { stalls: { kind: 'stall', at: 2 } });
    const failed = failureOf(ask(provider, 'a b c', 'stalls'));
    await expect.poll(() => upstream.open).toBe(1);
    await upstream.refuse();
    expect((await failed).code).toBe('provider_failed');
    expect((await failureOf(ask(provider))).code).toBe('provider_failed');
    await upstream.accept();
    expect(await ask(provider)).toBe('one two');
  });
});
