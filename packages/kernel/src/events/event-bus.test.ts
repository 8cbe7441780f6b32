import { SILENT_LOG, type PublishedEvent } from '@golek/api';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { EventBus } from './event-bus.ts';
import type { StreamedEvent } from './event-queue.ts';
import type { EventRelay } from './event-relay.ts';

const bus = (node = 'a', historyLimit = 1024): EventBus => new EventBus({ node, log: SILENT_LOG, historyLimit });
const registered = (model: string) => ({ type: 'model.registered', model, provider: 'fake' }) as const;
const modelsOf = (events: readonly PublishedEvent[]): string[] =>
  events.map(({ event }) => ('model' in event ? event.model : event.type));

/** Reads the given number of events. */
const take = async (stream: AsyncIterable<StreamedEvent>, count: number): Promise<StreamedEvent[]> => {
  const taken: StreamedEvent[] = [];
  for await (const item of stream) {
    taken.push(item);
    if (taken.length === count) break;
  }
  return taken;
};

afterEach(() => {
  vi.useRealTimers();
});

test('listeners are told in order, of the types that they ask for, and one that throws is logged', () => {
  const errors: unknown[] = [];
  const events = new EventBus({ node: 'a', log: { ...SILENT_LOG, error: (fields) => errors.push(fields) } });
  const seen: string[] = [];
  events.subscribe(() => {
    throw new Error('broken listener');
  });
  const all = events.subscribe(({ id, event }) => seen.push(`all ${id} ${event.type}`));
  events.subscribe(({ event }) => seen.push(`some ${event.type}`), ['system.started']);
  events.publish({ type: 'system.started' });
  events.publish({ type: 'system.stopping' });
  all[Symbol.dispose]();
  events.publish({ type: 'system.started' });
  expect(seen).toEqual(['all 1 system.started', 'some system.started', 'all 2 system.stopping', 'some system.started']);
  expect(errors).toMatchObject([
    { event: 'system.started' },
    { event: 'system.stopping' },
    { event: 'system.started' },
  ]);
});

test('keeps the latest events', () => {
  const events = bus('a', 2);
  for (const model of ['x', 'y', 'z']) events.publish(registered(model));
  expect(modelsOf(events.recent)).toEqual(['y', 'z']);
});

describe('stream', () => {
  test('gives what happens from now on and ends with its signal', async () => {
    const events = bus();
    events.publish(registered('before'));
    const controller = new AbortController();
    const stream = events.stream(controller.signal);
    events.publish(registered('x'));
    expect(
      modelsOf(
        (await take({ [Symbol.asyncIterator]: () => ({ next: () => stream.next() }) }, 1)).map(
          ({ published }) => published,
        ),
      ),
    ).toEqual(['x']);
    const rest = stream.next();
    controller.abort();
    expect(await rest).toEqual({ done: true, value: undefined });
    events.publish(registered('later'));
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  test('goes on after an event that is still kept, with the wanted types only', async () => {
    const events = bus();
    for (const model of ['x', 'y']) events.publish(registered(model));
    events.publish({ type: 'system.stopping' });
    events.publish(registered('z'));
    const stream = events.stream(new AbortController().signal, {
      types: ['model.registered'],
      after: { node: 'a', id: 1 },
    });
    expect(await take(stream, 2)).toMatchObject([
      { missed: 0, published: { id: 2 } },
      { missed: 0, published: { id: 4 } },
    ]);
  });

  test('tells that events are missing after a position that is not kept, e.g. of an earlier process', async () => {
    const events = bus();
    events.publish(registered('x'));
    const stream = events.stream(new AbortController().signal, { after: { node: 'a', id: 77 } });
    expect(await take(stream, 1)).toMatchObject([{ missed: 'unknown', published: { id: 1 } }]);
  });

  test('a slow reader loses the oldest events and is told how many', async () => {
    const events = bus();
    const stream = events.stream(new AbortController().signal);
    for (let index = 0; index < 300; index += 1) events.publish(registered(`m${index}`));
    expect(await take(stream, 2)).toMatchObject([
      { missed: 44, published: { id: 45 } },
      { missed: 0, published: { id: 46 } },
    ]);
  });

  test('a reader that breaks off is forgotten', async () => {
    const events = bus();
    const controller = new AbortController();
    const removed = vi.spyOn(controller.signal, 'removeEventListener');
    const stream = events.stream(controller.signal);
    events.publish(registered('x'));
    await take(stream, 1);
    expect(removed).toHaveBeenCalledOnce();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });
});

/** Joins buses in memory; what is sent comes back to the sender too, as with many messaging systems. */
class MemoryHub {
  readonly #readers = new Set<(event: PublishedEvent) => void>();
  failing = 0;

  relay(): EventRelay {
    return {
      name: 'memory',
      publish: async (event) => {
        await Promise.resolve();
        if (this.failing > 0) {
          this.failing -= 1;
          throw new Error('out of reach');
        }
        for (const reader of this.#readers) reader(event);
      },
      subscribe: (onEvent, signal) => {
        this.#readers.add(onEvent);
        return new Promise((resolve) => {
          const end = (): void => {
            this.#readers.delete(onEvent);
            resolve();
          };
          if (signal.aborted) end();
          else signal.addEventListener('abort', end, { once: true });
        });
      },
    };
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** What a stranger sends. */
  inject(event: PublishedEvent): void {
    for (const reader of this.#readers) reader(event);
  }
}

describe('relays', () => {
  test('two buses are one: each event is told once on each, with its node', async () => {
    const hub = new MemoryHub();
    const [one, two] = [bus('one'), bus('two')];
    await using _first = one.attachRelay(hub.relay());
    await using _second = two.attachRelay(hub.relay());
    // A second way between the same nodes must not double anything.
    await using _third = two.attachRelay(hub.relay());
    one.publish(registered('x'));
    two.publish(registered('y'));
    one.publish(registered('z'));
    const told = (events: EventBus): string[] =>
      events.recent.map(({ node, id, event }) => `${node} ${id} ${'model' in event ? event.model : ''}`).toSorted();
    const all = ['one 1 x', 'one 2 z', 'two 1 y'];
    await expect.poll(() => told(two)).toEqual(all);
    await expect.poll(() => told(one)).toEqual(all);
  });

  test('detaching ends it, also in the middle of a failure', async () => {
    const hub = new MemoryHub();
    const one = bus('one');
    hub.failing = 1_000_000;
    one.attachRelay(hub.relay());
    one.publish(registered('x'));
    expect(hub.readers).toBe(1);
    await one[Symbol.asyncDispose]();
    expect(hub.readers).toBe(0);
  });

  test('a relay that is out of reach blocks nobody, is logged, and gets the events in order later', async () => {
    vi.useFakeTimers();
    const hub = new MemoryHub();
    const warnings: object[] = [];
    const one = new EventBus({ node: 'one', log: { ...SILENT_LOG, warn: (fields) => warnings.push(fields) } });
    const sent: PublishedEvent[] = [];
    hub.failing = 3;
    const relay = hub.relay();
    one.attachRelay({
      ...relay,
      publish: async (event, signal) => {
        await relay.publish(event, signal);
        sent.push(event);
      },
    });
    one.publish(registered('x'));
    one.publish(registered('y'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(modelsOf(sent)).toEqual(['x', 'y']);
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toMatchObject({ relay: 'memory', err: expect.any(Error) as Error });
    await one[Symbol.asyncDispose]();
  });

  test('what is no event of ours is left out', async () => {
    const hub = new MemoryHub();
    const one = bus('one');
    one.attachRelay(hub.relay());
    const time = new Date(0).toISOString();
    hub.inject({ id: 1, time, node: 'new', event: { type: 'model.teleported' } } as unknown as PublishedEvent);
    hub.inject({ id: 2, time, node: 'new', event: registered('x') });
    hub.inject({ id: 2, time, node: 'new', event: registered('again') });
    expect(modelsOf(one.recent)).toEqual(['x']);
    await one[Symbol.asyncDispose]();
  });
});
