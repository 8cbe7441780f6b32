import { expect, test } from 'vitest';
import { GolekError, type InferenceEvent } from '@golek/providers-spi';
import { EventWindow } from './event-window.ts';

const event = (n: number): InferenceEvent => ({ type: 'text', choice: 0, text: String(n) });
const texts = async (window: EventWindow): Promise<string[]> => {
  const got: string[] = [];
  for await (const each of window) got.push(each.type === 'text' ? each.text : each.type);
  return got;
};

test('is full at its size, and says once when half of it was read', async () => {
  let rooms = 0;
  const window = new EventWindow(4, () => rooms++);
  for (let i = 0; i < 4; i++) window.push(event(i));
  expect(window.full).toBe(true);
  const reader = window[Symbol.asyncIterator]();
  await reader.next();
  expect([window.full, rooms]).toEqual([true, 0]);
  await reader.next();
  expect([window.full, rooms]).toEqual([false, 1]);
  await reader.next();
  expect(rooms).toBe(1);
});

test('a reader waits for what is pushed later', async () => {
  const window = new EventWindow(4, () => undefined);
  const all = texts(window);
  for (let i = 0; i < 3; i++) {
    await Promise.resolve();
    window.push(event(i));
  }
  window.end();
  expect(await all).toEqual(['0', '1', '2']);
});

test('a failure comes after what was pushed before it, an abort at once', async () => {
  const error = new GolekError('provider_failed', 'x');
  const read = async (end: (window: EventWindow) => void): Promise<unknown[]> => {
    const window = new EventWindow(4, () => undefined);
    window.push(event(1));
    end(window);
    window.push(event(2));
    const got: unknown[] = [];
    try {
      for await (const each of window) got.push(each);
    } catch (thrown) {
      got.push(thrown);
    }
    return got;
  };
  expect(await read((window) => window.fail(error))).toEqual([event(1), error]);
  expect(await read((window) => window.abort(error))).toEqual([error]);
});
