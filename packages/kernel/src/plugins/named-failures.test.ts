import { GolekError, type InferenceEvent } from '@golek/api';
import type { Interceptor } from '@golek/plugins-api';
import { expect, it } from 'vitest';
import { callOf, chatOf, eventsOf } from '../kernel.fixture.ts';
import { pluginKernel, pluginOf } from './plugin-manager.fixture.ts';
import { programPlugin } from './plugin-source.ts';
import { withNamedFailures } from './named-failures.ts';

const MODELS = {
  m: { answer: ['one ', 'two'] },
  broken: { fail: { at: 1, code: 'provider_failed', message: 'cut' } },
} as const;

const run = async (intercept: Interceptor, model = 'm', signal = new AbortController().signal) => {
  const { engine, manager } = await pluginKernel({ models: MODELS });
  manager.declare(
    programPlugin(pluginOf('p', '1.2.0', (host) => host.phase({ phase: 'POST_PROCESSING', name: 'count', intercept }))),
  );
  await manager.start('p');
  return eventsOf(engine.run(callOf(chatOf(model), signal)));
};

const broken = (): never => {
  throw new TypeError('x is not a function');
};

it.each<[string, Interceptor]>([
  ['when it is called', () => broken],
  ['when its events are asked for', () => () => ({ [Symbol.asyncIterator]: broken })],
  ['when it gives nothing', () => () => undefined as unknown as AsyncIterable<InferenceEvent>],
  [
    'in the middle of the events',
    (next) =>
      async function* (call) {
        for await (const event of next(call)) {
          yield event;
          if (event.type === 'text') broken();
        }
      },
  ],
])('an interceptor of a plugin that fails %s is named, with its phase', async (_, intercept) => {
  await expect(run(intercept)).rejects.toMatchObject({
    code: 'plugin_failed',
    message: expect.stringMatching(/^the phase 'p\/count' \(POST_PROCESSING\) of plugin 'p' 1\.2\.0 failed: /),
    details: { plugin: 'p', phase: 'POST_PROCESSING' },
    cause: expect.any(TypeError),
  });
});

it('leaves answers of the plugin, failures of what follows, and the reason of an ended call as they are', async () => {
  const refusal = new GolekError('permission_denied', 'not today');
  const refuse: Interceptor = () => () => {
    throw refusal;
  };
  await expect(run(refuse)).rejects.toBe(refusal);
  const pass: Interceptor = (next) =>
    async function* (call) {
      yield* next(call);
    };
  await expect(run(pass, 'broken')).rejects.toMatchObject({ code: 'provider_failed' });
  const client = new AbortController();
  const leaving: Interceptor = (next) => (call) => {
    client.abort(new GolekError('cancelled', 'gone'));
    next(call);
    return broken();
  };
  await expect(run(leaving, 'm', client.signal)).rejects.toMatchObject({ code: 'cancelled', message: 'gone' });
});

it('adds nothing to the events of an interceptor that only passes the call on, and ends the source with the consumer', async () => {
  let returned = 0;
  const events: AsyncIterable<InferenceEvent> = {
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ done: false, value: { type: 'text', choice: 0, text: 'x' } }),
      return: async () => {
        returned += 1;
        return { done: true, value: undefined };
      },
    }),
  };
  const named = (intercept: Interceptor) => {
    const phase = withNamedFailures('p', '1.0.0', { phase: 'AUDIT', name: 'a', intercept });
    if (!('intercept' in phase)) throw new TypeError('not an interceptor');
    return phase.intercept(() => events)(callOf(chatOf('m')));
  };
  expect(named((next) => (call) => next(call))).toBe(events);
  const own = named(() => () => ({ [Symbol.asyncIterator]: () => events[Symbol.asyncIterator]() }));
  for await (const event of own) {
    expect(event).toMatchObject({ text: 'x' });
    break;
  }
  expect(returned).toBe(1);
});
