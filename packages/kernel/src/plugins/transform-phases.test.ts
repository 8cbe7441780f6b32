import { GolekError, type InferenceEvent } from '@golek/api';
import type { Transform } from '@golek/plugins-api';
import { expect, test } from 'vitest';
import { callOf, chatOf, eventsOf } from '../kernel.fixture.ts';
import { pluginKernel, pluginOf } from './plugin-manager.fixture.ts';
import { programPlugin } from './plugin-source.ts';

const MODELS = { m: { answer: ['one ', 'two ', 'three'] } };

const kernelWith = async (...transforms: Transform[]) => {
  const provider = await pluginKernel({ models: MODELS });
  provider.manager.declare(
    programPlugin(pluginOf('p', '1.0.0', (host) => transforms.forEach((transform) => host.transform(transform)))),
  );
  await provider.manager.start('p');
  return provider;
};

const textsOf = (events: readonly InferenceEvent[]): string =>
  events.map((event) => (event.type === 'text' ? event.text : '')).join('');

test('a request is changed on its way in; lower numbers see it first and its events last', async () => {
  const seen: string[] = [];
  const around = (name: string, order: number): Transform => ({
    name,
    order,
    request: (request) => {
      seen.push(`${name} request`);
      return { request: { ...request, user: `${request.user ?? ''}${name}` } };
    },
    stream: (request) => ({
      event: (event) => {
        if (event.type === 'start') seen.push(`${name} events of ${request.user ?? ''}`);
        return [event];
      },
    }),
  });
  const { engine } = await kernelWith(around('inner', 5), around('outer', -5));
  await eventsOf(engine.run(callOf(chatOf('m'))));
  expect(seen).toEqual(['outer request', 'inner request', 'inner events of outerinner', 'outer events of outerinner']);
});

test('events are replaced, dropped, multiplied and held back until the end', async () => {
  const { engine } = await kernelWith({
    name: 'last-first',
    stream: () => {
      let held = '';
      return {
        event: async (event) => {
          if (event.type !== 'text') return [event];
          held += event.text.toUpperCase();
          return [];
        },
        end: () => [{ type: 'text', choice: 0, text: held }],
      };
    },
  });
  const events = await eventsOf(engine.run(callOf(chatOf('m'))));
  expect(textsOf(events)).toBe('ONE TWO THREE');
  expect(events.map(({ type }) => type)).toEqual(['start', 'finish', 'usage', 'text']);
});

test('an answer of the transform replaces the model: a cache hit', async () => {
  const { engine, sessions } = await kernelWith({
    name: 'cache',
    request: () => ({
      answer: [
        { type: 'text', choice: 0, text: 'known' },
        { type: 'finish', choice: 0, reason: 'stop' },
      ],
    }),
  });
  const events = await eventsOf(engine.run(callOf(chatOf('m'))));
  expect(events[0]).toEqual({ type: 'start', model: 'm', provider: 'p' });
  expect(textsOf(events)).toBe('known');
  expect(sessions.status('m').state).toBe('unloaded');
});

test('nothing is asked of the model before the last event was taken, and an early exit reaches it', async () => {
  const { engine, extensions } = await kernelWith({
    name: 'pass',
    stream: () => ({ event: (event) => [event, event] }),
  });
  const [fake] = extensions.providers.items as unknown as { stats: { pulled: number; active: number } }[];
  const run = engine.run(callOf(chatOf('m')));
  for (let taken = 0; taken < 4; taken++) await run.next();
  // start twice, then the first event twice.
  expect(fake?.stats.pulled).toBe(1);
  await run.next();
  expect(fake?.stats.pulled).toBe(2);
  await run.return();
  expect(fake?.stats.active).toBe(0);
});

test.each<[string, Transform]>([
  ['request', { name: 't', request: () => Promise.reject(new Error('boom')) }],
  [
    'stream',
    {
      name: 't',
      stream: () => {
        throw new Error('boom');
      },
    },
  ],
  [
    'event',
    {
      name: 't',
      stream: () => ({
        event: (event) => {
          if (event.type === 'text') throw new Error('boom');
          return [event];
        },
      }),
    },
  ],
  ['end', { name: 't', stream: () => ({ event: (event) => [event], end: () => Promise.reject(new Error('boom')) }) }],
])('a failure in %s names transform and plugin and leaves nothing running', async (_, transform) => {
  const { engine, extensions } = await kernelWith(transform);
  await expect(eventsOf(engine.run(callOf(chatOf('m'))))).rejects.toMatchObject({
    code: 'plugin_failed',
    message: "transform 't' of plugin 'p' failed: Error: boom",
  });
  const [fake] = extensions.providers.items as unknown as { stats: { active: number } }[];
  expect(fake?.stats.active).toBe(0);
});

test('a refusal keeps its code', async () => {
  const { engine } = await kernelWith({
    name: 'gate',
    request: () => {
      throw new GolekError('permission_denied', 'not today');
    },
  });
  await expect(eventsOf(engine.run(callOf(chatOf('m'))))).rejects.toMatchObject({ code: 'permission_denied' });
});
