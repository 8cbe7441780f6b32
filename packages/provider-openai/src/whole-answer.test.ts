import { collect } from '@golek/api';
import { expect, it } from 'vitest';
import { bench, chat, complete, contextOf } from './upstream.fixture.ts';

it.each([
  ['a chat', chat('one two three four')],
  ['a text', complete('one two three four')],
])('%s whose answer is read at its end is asked for in one piece', async (_, request) => {
  const { open, upstream } = await bench();
  const session = await open('ok');
  expect(session.capabilities.whole).toBe(true);
  const streamed = await collect(session.run(request, contextOf()));
  const whole = await collect(session.run(request, { ...contextOf(), wholeMs: 10_000 }));
  expect(whole).toEqual(streamed);
  const [first, second] = upstream.calls;
  expect(first?.body).toMatchObject({ stream: true, stream_options: { include_usage: true } });
  expect(second?.body).not.toHaveProperty('stream');
  expect(second?.body).not.toHaveProperty('stream_options');
  expect([first?.headers.accept, second?.headers.accept]).toEqual(['text/event-stream', 'application/json']);
});

it(
  'waits for such an answer as long as it may take, not as long as a stream may be silent',
  { timeout: 20_000 },
  async () => {
    const { open } = await bench({ idleTimeoutMs: 100 });
    const session = await open('stall-before-headers');
    const controller = new AbortController();
    const pending = collect(session.run(chat('hi'), { ...contextOf(controller.signal), wholeMs: 60_000 }));
    const streamed = collect(session.run(chat('hi'), contextOf()));
    await expect(streamed).rejects.toMatchObject({ code: 'deadline_exceeded' });
    controller.abort(new Error('enough'));
    await expect(pending).rejects.toMatchObject({ code: 'cancelled' });
  },
);
