import type { GolekError } from '@golek/api';
import { resolveConfiguration, type Configuration } from '@golek/system';
import { expect, test } from 'vitest';
import { httpConfig } from '../config/http-config.ts';
import { serve } from '../http/server.fixture.ts';
import { feedItems, followEvents } from './event-feed.ts';

const TOKEN = 'a-token-long-enough';

const configurationFor = (port: number): Configuration =>
  resolveConfiguration({
    sections: [httpConfig],
    environment: { GOLEK_HTTP_PORT: String(port), GOLEK_HTTP_ADMIN_TOKEN: TOKEN },
  });

test('follows a server over its restart, with its token', async () => {
  const config = { adminToken: TOKEN };
  const first = await serve({ tiny: {} }, { config });
  const { port } = first.server.address;
  const lost: GolekError[] = [];
  const controller = new AbortController();
  const feed = followEvents(configurationFor(port), {
    types: 'system.',
    signal: controller.signal,
    onLost: (error) => lost.push(error),
  });
  const next = feed.next();
  // The feed begins some time after it was asked for.
  const publishing = setInterval(() => first.events.publish({ type: 'system.started' }), 20);
  expect((await next).value).toMatchObject({ type: 'system.started' });
  clearInterval(publishing);
  await first.server.drain(0);
  await first.server.close(AbortSignal.timeout(1000));
  const second = await serve({ tiny: {} }, { config: { ...config, port }, firstEventId: 1_000 });
  second.events.publish({ type: 'system.stopping' });
  // Events that were published but not read before the restart come first.
  const seen: string[] = [];
  while (!seen.includes('system.stopping')) seen.push((await feed.next()).value?.type ?? 'end');
  // The new process cannot know what was missed.
  expect(seen.filter((type) => type !== 'system.started')).toEqual(['missed', 'system.stopping']);
  expect(lost[0]?.code).toBe('provider_failed');
  const waiting = feed.next();
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});

test('a server that is not there or refuses is told at once', async () => {
  const { server } = await serve({ tiny: {} }, { config: { adminToken: 'another-long-token' } });
  const { signal } = new AbortController();
  const onLost = (): void => undefined;
  const refused = followEvents(configurationFor(server.address.port), { signal, onLost });
  await expect(refused.next()).rejects.toMatchObject({ code: 'unauthenticated' });
  const { port } = server.address;
  await server.close(AbortSignal.timeout(1000));
  const gone = followEvents(configurationFor(port), { signal, onLost });
  await expect(gone.next()).rejects.toMatchObject({ message: expect.stringContaining('golek serve') as string });
});

test('reads events that come in pieces', async () => {
  const bytes = new TextEncoder().encode(
    ': hi\n\nid: a/1\nevent: x\ndata: é\ndata: 2\n\n: beat\n\ndata:3\n\nevent: lost',
  );
  const pieces = Array.from(bytes, (byte) => new Uint8Array([byte]));
  const items = [];
  for await (const item of feedItems(pieces)) items.push(item);
  expect(items).toEqual([
    { id: 'a/1', type: 'x', data: 'é\n2' },
    { id: undefined, type: 'message', data: '3' },
  ]);
});
