import { collect } from '@golek/api';
import { FAULTS } from '@golek/faulty-upstream';
import { wholeAnswers } from '@golek/faulty-upstream/whole-answers';
import { describe, expect, it } from 'vitest';
import { APIS, bench, chat, complete, contextOf } from './upstream.fixture.ts';

it.each([
  ['a chat', 'chat', chat('one two three four')],
  ['a text', 'chat', complete('one two three four')],
  ['a chat of the Responses API', 'responses', chat('one two three four')],
] as const)('%s whose answer is read at its end is asked for in one piece', async (_, api, request) => {
  const { open, upstream } = await bench({}, FAULTS, api);
  const session = await open('ok');
  expect(session.capabilities.whole).toBe(true);
  const streamed = await collect(session.run(request, contextOf()));
  const whole = await collect(session.run(request, { ...contextOf(), wholeMs: 10_000 }));
  expect(whole).toEqual(streamed);
  const [first, second] = upstream.calls;
  expect(first?.body).toMatchObject({
    stream: true,
    ...(api === 'chat' && { stream_options: { include_usage: true } }),
  });
  expect(second?.body).not.toHaveProperty('stream');
  expect(second?.body).not.toHaveProperty('stream_options');
  expect([first?.headers.accept, second?.headers.accept]).toEqual(['text/event-stream', 'application/json']);
});

describe.each(APIS)('by the API %s,', (api) =>
  wholeAnswers({
    bench: (settings, models) => bench(settings, models, api),
    request: chat('één twee 三 🎈 vier'),
  }),
);
