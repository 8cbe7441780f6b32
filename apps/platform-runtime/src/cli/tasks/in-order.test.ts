import { expect, test } from 'vitest';
import { inOrder } from './in-order.ts';

async function* numbers(count: number, taken: number[] = []): AsyncGenerator<number> {
  for (let number = 0; number < count; number++) {
    taken.push(number);
    yield number;
  }
}

/** Work that is done when the test says so. */
class Gates {
  readonly started: number[] = [];
  readonly signals: AbortSignal[] = [];
  readonly #open = new Map<number, PromiseWithResolvers<string>>();

  readonly work = (item: number, signal: AbortSignal): Promise<string> => {
    this.started.push(item);
    this.signals.push(signal);
    return this.#gate(item).promise;
  };

  open(item: number): void {
    this.#gate(item).resolve(`r${item}`);
  }

  fail(item: number): void {
    this.#gate(item).reject(new Error(`f${item}`));
  }

  #gate(item: number): PromiseWithResolvers<string> {
    const gate = this.#open.get(item) ?? Promise.withResolvers<string>();
    this.#open.set(item, gate);
    return gate;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('results come in the order of the items, whichever is done first', async () => {
  const gates = new Gates();
  const results = Array.fromAsync(inOrder(numbers(4), 3, gates.work));
  await turn();
  expect(gates.started).toEqual([0, 1, 2]);
  for (const item of [2, 1, 3, 0]) gates.open(item);
  expect(await results).toEqual(['r0', 'r1', 'r2', 'r3']);
});

test('no more is taken than there is room for, nor while nobody reads', async () => {
  const gates = new Gates();
  const taken: number[] = [];
  const results = inOrder(numbers(100, taken), 2, gates.work);
  for (let item = 0; item < 100; item++) gates.open(item);
  expect((await results.next()).value).toBe('r0');
  await turn();
  expect(taken.length).toBeLessThan(4);
  await results.return();
  expect(gates.signals.every(({ aborted }) => aborted)).toBe(true);
});

test('a result does not wait for a source that is slow', async () => {
  const never = new Promise<never>(() => undefined);
  const slow = async function* () {
    yield 0;
    await never;
  };
  const gates = new Gates();
  gates.open(0);
  expect((await inOrder(slow(), 8, gates.work).next()).value).toBe('r0');
});

test('a failure comes in its turn and ends the others', async () => {
  const gates = new Gates();
  const results = inOrder(numbers(9), 4, gates.work);
  gates.fail(1);
  const first = results.next();
  await turn();
  gates.open(0);
  expect((await first).value).toBe('r0');
  await expect(results.next()).rejects.toThrow('f1');
  expect(gates.signals.every(({ aborted }) => aborted)).toBe(true);
  expect(await results.next()).toEqual({ done: true, value: undefined });
});

test('a failure of the source is thrown', async () => {
  const broken = async function* () {
    yield 0;
    throw new Error('cut');
  };
  const gates = new Gates();
  gates.open(0);
  await expect(Array.fromAsync(inOrder(broken(), 2, gates.work))).rejects.toThrow('cut');
});
