import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startFaultyUpstream, type FaultyUpstream } from '@golek/faulty-upstream';
import { golekTiny } from '@golek/model-tiny';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Chromium, chromiumProgram, type Page } from './chromium.fixture.ts';
import { serve, untilReady, type GolekServer } from './golek-server.fixture.ts';

const program = chromiumProgram();
/** Where the tests must not be left out. */
const REQUIRED = process.env['CI'] === 'true';
if (program === undefined)
  console.warn(
    'chromium is not here: the tests with a real browser are left out (Debian: apt-get install chromium, or TEST_CHROMIUM=program)',
  );

const KEY = 'key-of-the-page-0123456789';
const PLUGIN = `import { definePlugin } from '@golek/plugins-api';
const page = { id: 'page', tenant: 'page', scopes: ['inference'] };
export default definePlugin({
  name: 'keys',
  version: '1.0.0',
  setup: (host) =>
    host.authenticator({ name: 'keys', authenticate: ({ headers }) => headers.authorization === 'Bearer ${KEY}' ? page : undefined }),
});
`;

/** A web site with one page, and with \`/held\`, which is answered when the test says so. */
interface Site extends AsyncDisposable {
  readonly origin: string;
  readonly held: () => ServerResponse | undefined;
}

const startSite = async (): Promise<Site> => {
  let held: ServerResponse | undefined;
  const server = createServer(({ url }, response) => {
    if (url === '/held') held = response;
    else response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Page</title>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    held: () => held,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/** What a page saw of one socket. */
interface Seen {
  readonly opened: boolean;
  readonly protocol: string;
  readonly text: string;
  readonly deltas: number;
  readonly last: { readonly type?: string; readonly code?: string };
}

interface Asked {
  readonly address: string;
  readonly token?: string;
  readonly request: object;
  /** Cancels after so many pieces. */
  readonly cancelAfter?: number;
}

/** Runs in the page: asks for a chat on a socket of its own, as a web page would. */
const chat = ({ address, token, request, cancelAfter }: Asked): Promise<Seen> =>
  new Promise((resolve) => {
    const encoded =
      token === undefined ? undefined : btoa(token).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
    const ws = new WebSocket(address, ['golek.v1', ...(encoded === undefined ? [] : [`golek.bearer.${encoded}`])]);
    const seen = { opened: false, protocol: '', text: '', deltas: 0, last: {} };
    ws.onopen = () => {
      seen.opened = true;
      seen.protocol = ws.protocol;
      ws.send(JSON.stringify({ type: 'start', id: 'a', task: 'chat', request }));
    };
    ws.onmessage = ({ data }) => {
      const message = JSON.parse(String(data)) as { type: string; text?: string };
      if (message.type === 'delta') {
        seen.text += message.text ?? '';
        seen.deltas++;
        if (seen.deltas === cancelAfter) ws.send(JSON.stringify({ type: 'cancel', id: 'a' }));
      }
      if (message.type !== 'finished' && message.type !== 'error') return;
      seen.last = message;
      ws.close();
    };
    ws.onclose = () => resolve(seen);
  });

/** What a page read of an answer over HTTP. */
interface Read {
  readonly status?: number;
  readonly id?: string | null;
  readonly route?: string | null;
  readonly text?: string;
  readonly failure?: string;
}

interface Sent {
  readonly url: string;
  readonly token: string;
  readonly request: object;
  readonly method?: string;
}

/** Runs in the page: asks as clients of OpenAI's do, with headers that a browser asks the server about first. */
const post = async ({ url, token, request, method = 'POST' }: Sent): Promise<Read> => {
  try {
    const response = await fetch(url, {
      method,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${token}`,
        'x-request-id': 'of-the-page',
        'x-stainless-retry-count': '0',
      },
      ...(method === 'POST' && { body: JSON.stringify(request) }),
    });
    const { status, headers } = response;
    const [id, route] = [headers.get('x-request-id'), headers.get('x-golek-route')];
    return { status, id, route, text: await response.text() };
  } catch (thrown) {
    return { failure: String(thrown) };
  }
};

/** Pieces of the long answer, each of this many characters: more than the buffers of a connection take. */
const [PIECES, SIZE] = [8_000, 4_096];
const chunk = (delta: object, finish_reason: string | null = null): string =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'long', choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
const LONG = {
  kind: 'raw',
  body: [
    ...Array.from({ length: PIECES }, (_, index) => chunk({ content: `${index} `.padEnd(SIZE, '.') })),
    chunk({}, 'stop'),
    'data: [DONE]\n\n',
  ],
} as const;

describe.skipIf(!REQUIRED && program === undefined)('a page in Chromium', () => {
  let stack: AsyncDisposableStack;
  let browser: Chromium;
  let server: GolekServer;
  let upstream: FaultyUpstream;
  let site: Site;
  let foreign: Site;
  let reader: Site;
  let address: string;

  beforeAll(async () => {
    stack = new AsyncDisposableStack();
    if (program === undefined) throw new Error('chromium is not in PATH, and TEST_CHROMIUM does not name it');
    upstream = stack.use(await startFaultyUpstream({ models: { long: LONG } }));
    [site, foreign] = [stack.use(await startSite()), stack.use(await startSite())];
    reader = stack.use(await startSite());
    const folder = await mkdtemp(path.join(tmpdir(), 'golek-browser-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    await mkdir(path.join(folder, 'plugins'));
    await writeFile(path.join(folder, 'plugins/keys.mjs'), PLUGIN);
    const config = path.join(folder, 'golek.yaml');
    await writeFile(
      config,
      JSON.stringify({
        plugins: { folders: ['plugins'] },
        http: { origins: [reader.origin] },
        websocket: { origins: [site.origin] },
        upstreams: [{ id: 'far', baseUrl: upstream.url }],
        models: { list: [{ name: 'long', provider: 'far', model: 'long' }] },
      }),
    );
    server = stack.use(await serve({ args: ['--config', config] }));
    await untilReady(server.url);
    address = `${server.url.replace(/^http/, 'ws')}/v1/ws`;
    browser = stack.use(await Chromium.start(program));
  }, 90_000);
  afterAll(() => stack.disposeAsync());

  const open = async (url: string): Promise<Page> => {
    const page = await browser.open(url);
    onTestFinished(() => page.close());
    return page;
  };

  const inFlight = async (): Promise<number> =>
    ((await (await fetch(`${server.url}/health/ready`)).json()) as { inFlight: number }).inFlight;

  const messages = [{ role: 'user', content: 'What is Golek?' }];
  const request = { model: golekTiny.name, temperature: 0, messages };
  const endless = { ...request, n: 16, ignore_eos: true };

  it(
    'streams an answer with its token among the subprotocols, the same as over HTTP',
    { timeout: 60_000 },
    async () => {
      const page = await open(site.origin);
      const seen = await page.run(chat, { address, token: KEY, request });
      expect(seen).toMatchObject({ opened: true, protocol: 'golek.v1', last: { type: 'finished' } });
      expect(seen.deltas).toBeGreaterThan(1);
      const response = await fetch(`${server.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
        body: JSON.stringify(request),
      });
      const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
      expect(seen.text).toBe(choices[0]?.message.content);
    },
  );

  it.each([
    ['without a token', undefined],
    ['with a wrong token', 'key-of-somebody-else-01234'],
  ])('is refused %s', async (_, token) => {
    const page = await open(site.origin);
    const seen = await page.run(chat, { address, request, ...(token !== undefined && { token }) });
    expect(seen.opened).toBe(false);
    await expect.poll(() => page.failures).toEqual([expect.stringContaining('Authentication failed')]);
  });

  it('is refused when it came from elsewhere, whatever its token', async () => {
    const page = await open(foreign.origin);
    expect(await page.run(chat, { address, token: KEY, request })).toMatchObject({ opened: false });
    await expect.poll(() => page.failures).toEqual([expect.stringMatching(/response code: 403/)]);
  });

  it('of the server itself needs no setting', async () => {
    const page = await open(`${server.url}/health/live`);
    expect(await page.run(chat, { address, token: KEY, request })).toMatchObject({ last: { type: 'finished' } });
  });

  it('of http.origins reads answers, streams and refusals over HTTP with their headers, and opens sockets', async () => {
    const page = await open(reader.origin);
    const url = `${server.url}/v1/chat/completions`;
    const read = { status: 200, id: 'of-the-page', route: expect.stringContaining(golekTiny.name) as unknown };
    expect(await page.run(post, { url, token: KEY, request })).toMatchObject(read);
    const stream = await page.run(post, { url, token: KEY, request: { ...request, stream: true } });
    expect(stream).toMatchObject({ ...read, text: expect.stringContaining('[DONE]') as unknown });
    const refused = await page.run(post, { url, token: 'key-of-somebody-else-01234', request });
    expect(refused).toMatchObject({ status: 401, text: expect.stringContaining('unauthenticated') as unknown });
    const deleted = { url: `${server.url}/v1/files/none`, token: KEY, request, method: 'DELETE' };
    expect(await page.run(post, deleted)).toMatchObject({ status: 404, id: 'of-the-page' });
    expect(await page.run(chat, { address, token: KEY, request })).toMatchObject({ last: { type: 'finished' } });
    for (const { origin } of [site, foreign])
      expect(await (await open(origin)).run(post, { url, token: KEY, request })).toEqual({
        failure: expect.stringContaining('Failed to fetch') as unknown,
      });
  });

  it('cancels', async () => {
    const page = await open(site.origin);
    const seen = await page.run(chat, { address, token: KEY, request: endless, cancelAfter: 2 });
    expect(seen.last).toMatchObject({ type: 'error', code: 'cancelled' });
    await expect.poll(inFlight, { timeout: 10_000 }).toBe(0);
  });

  it('that is closed ends its requests', async () => {
    const page = await browser.open(site.origin);
    // Nothing comes of what runs in a page that is closed.
    page.run(chat, { address, token: KEY, request: endless }).catch(() => undefined);
    await expect.poll(inFlight, { timeout: 10_000 }).toBe(1);
    await page.close();
    await expect.poll(inFlight, { timeout: 10_000 }).toBe(0);
  });

  it('that stands still stops its answer, not the server', { timeout: 120_000 }, async () => {
    const page = await open(site.origin);
    const whole = page.run(chat, { address, token: KEY, request: { model: 'long', messages } });
    await expect.poll(() => upstream.count, { timeout: 20_000 }).toBe(1);
    // A request without a callback blocks the page until it is answered.
    const blocked = page.evaluate(
      "{ const request = new XMLHttpRequest(); request.open('GET', '/held', false); request.send(); }",
    );
    await expect.poll(site.held, { timeout: 20_000 }).toBeDefined();
    let before = -1;
    const sent = (): number => upstream.calls.at(-1)?.bytes ?? 0;
    const isStill = (): boolean => {
      const still = sent() > 0 && sent() === before;
      before = sent();
      return still;
    };
    await expect.poll(isStill, { interval: 1_000, timeout: 60_000 }).toBe(true);
    // What the page has not read waits in the buffers of the connections, and no more of it is asked for.
    expect(before).toBeLessThan((PIECES * SIZE) / 2);
    // Others are answered meanwhile.
    expect(await (await open(site.origin)).run(chat, { address, token: KEY, request })).toMatchObject({
      last: { type: 'finished' },
    });
    site.held()?.end();
    await blocked;
    expect(await whole).toMatchObject({ deltas: PIECES, last: { type: 'finished' } });
  });
});
