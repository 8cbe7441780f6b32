import { ModelRoute } from '@golek/api';
import { expect, it } from 'vitest';
import { callOf, chatOf, eventsOf, kernelOf } from '../kernel.fixture.ts';

const WORDS = ['one', ' two', ' three', ' four'];

it('50 changes of a route under 32 streams: each is answered whole by one of the targets, as it was planned', async () => {
  const { engine, registry } = await kernelOf({
    a: { answer: WORDS, delayMs: 1 },
    b: { answer: WORDS, delayMs: 1 },
  });
  const to = (model: string): ModelRoute => ModelRoute.parse({ name: 'r', targets: [{ model }] });
  registry.routes.set(to('a'));
  let isDone = false;
  const answered = new Map<string, number>();
  const client = async (): Promise<void> => {
    while (!isDone) {
      const before = registry.routes.get('r')?.route.targets[0]?.model;
      const events = await eventsOf(engine.run(callOf(chatOf('r'))));
      const [start] = events;
      const model = start?.type === 'start' ? start.model : 'none';
      // The plan was made when the first event was asked for, and no later change touched it.
      expect(model).toBe(before);
      expect(events.flatMap((event) => (event.type === 'text' ? event.text : [])).join('')).toBe('one two three four');
      answered.set(model, (answered.get(model) ?? 0) + 1);
    }
  };
  const clients = Promise.all(Array.from({ length: 32 }, client));
  for (let change = 1; change <= 50; change++) {
    const { revision } = registry.routes.get('r')!;
    registry.routes.set(to(change % 2 === 0 ? 'a' : 'b'), revision);
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  isDone = true;
  await clients;
  expect([...answered.keys()].sort()).toEqual(['a', 'b']);
  expect(registry.routes.get('r')?.revision).toBe(51);
});

it('a model that is unregistered while requests run ends none of them, and its route goes on with the others', async () => {
  const { engine, registry } = await kernelOf({ a: { answer: WORDS, delayMs: 2 }, b: {} });
  registry.routes.set(ModelRoute.parse({ name: 'r', targets: [{ model: 'a' }, { model: 'b' }] }));
  const running = engine.run(callOf(chatOf('r')));
  expect((await running.next()).value).toMatchObject({ type: 'start', model: 'a' });
  registry.unregister('a');
  const rest = await eventsOf(running);
  expect(rest.at(-1)?.type).toBe('usage');
  const [start] = await eventsOf(engine.run(callOf(chatOf('r'))));
  expect(start).toMatchObject({ type: 'start', model: 'b' });
});
