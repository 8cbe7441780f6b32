import { describe, expect, test } from 'vitest';
import { feedItems, type FeedItem } from '../../cli/event-feed.ts';
import { serve, type TestServer } from '../server.fixture.ts';

const FEED = '/admin/v1/events';
const loaded = (model: string) => ({ type: 'model.loaded', model, provider: 'fake', durationMs: 1 }) as const;

interface Feed {
  readonly response: Response;
  readonly next: () => Promise<FeedItem | undefined>;
  readonly leave: () => void;
}

const follow = async ({ url }: TestServer, query = '', headers: Record<string, string> = {}): Promise<Feed> => {
  const controller = new AbortController();
  const response = await fetch(url + FEED + query, { headers, signal: controller.signal });
  const items = feedItems(response.body as ReadableStream<Uint8Array>);
  return {
    response,
    next: async () => {
      const { done, value } = await items.next();
      return done ? undefined : value;
    },
    leave: () => controller.abort(),
  };
};

test('tells what happens from now on, with ids', async () => {
  const server = await serve();
  server.events.publish(loaded('before'));
  const feed = await follow(server);
  expect(feed.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  server.events.publish(loaded('tiny'));
  const item = await feed.next();
  expect(item).toMatchObject({ id: 'test/2', type: 'model.loaded' });
  expect(JSON.parse(item?.data ?? '')).toMatchObject({ id: 2, node: 'test', event: loaded('tiny') });
  feed.leave();
});

describe('types', () => {
  test('names and beginnings of names', async () => {
    const server = await serve();
    const feed = await follow(server, '?types=system.started,breaker.');
    server.events.publish(loaded('tiny'));
    server.events.publish({ type: 'breaker.half-opened', model: 'm', provider: 'p' });
    server.events.publish({ type: 'system.started' });
    expect([(await feed.next())?.type, (await feed.next())?.type]).toEqual(['breaker.half-opened', 'system.started']);
    feed.leave();
  });
  test.each(['model.loded', 'nothing.', 'x'.repeat(3000)])('%s', async (types) => {
    const { url } = await serve();
    const response = await fetch(`${url}${FEED}?types=${types}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_request' } });
  });
});

test('a reader that returns gets what it missed, and is told when that is not known', async () => {
  const server = await serve();
  for (const model of ['a', 'b', 'c']) server.events.publish(loaded(model));
  const feed = await follow(server, '', { 'last-event-id': 'test/1' });
  expect([(await feed.next())?.id, (await feed.next())?.id]).toEqual(['test/2', 'test/3']);
  feed.leave();
  const stranger = await follow(server, '?after=other/9&types=model.loaded');
  expect(await stranger.next()).toMatchObject({ type: 'missed', data: '{"missed":"unknown"}' });
  expect((await stranger.next())?.id).toBe('test/1');
  stranger.leave();
});

test('silence is filled with comments', async () => {
  const server = await serve({ tiny: {} }, { config: { heartbeatMs: 40 } });
  const controller = new AbortController();
  const response = await fetch(server.url + FEED, { signal: controller.signal });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let text = '';
  while (!text.includes('heartbeat')) text += Buffer.from((await reader.read()).value ?? []).toString();
  expect(text).toMatch(/^: connected\n\n: heartbeat/);
  controller.abort();
});

test('ends at once when the server stops, and is not begun any more', async () => {
  const server = await serve();
  const feed = await follow(server);
  expect(await server.server.drain(10_000)).toBe(true);
  expect(await feed.next()).toBeUndefined();
  expect((await fetch(server.url + FEED)).status).toBe(503);
});

test('needs the scope admin', async () => {
  const server = await serve({ tiny: {} }, { config: { adminToken: 'a-token-long-enough' } });
  expect((await fetch(server.url + FEED)).status).toBe(401);
});
