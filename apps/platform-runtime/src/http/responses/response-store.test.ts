import { ResponseDraft, readResponseRequest } from '@golek/protocols/openai-responses';
import { describe, expect, test } from 'vitest';
import { DEFAULT_RESPONSE_LIMITS, type ResponseLimits } from './response-limits.ts';
import { ResponseStore, type StoredResponse } from './response-store.ts';

const storedOf = (key: string, text = 'x'): StoredResponse => {
  const draft = new ResponseDraft({ key, created: 0, now: () => 0 }, readResponseRequest({ model: 'm', input: 'i' }));
  draft.take({ type: 'text', choice: 0, text });
  draft.take({ type: 'finish', choice: 0, reason: 'stop' });
  return { response: draft.finish(), input: [], output: draft.items };
};
const ID = (key: string): string => `resp_${key}`;

const storeWith = (limits: Partial<ResponseLimits>) => {
  let now = 0;
  const bounds = { ...DEFAULT_RESPONSE_LIMITS, ...limits };
  const store = new ResponseStore(
    () => bounds,
    () => now,
  );
  return { store, bounds, after: (ms: number) => (now += ms) };
};

describe('bounds', () => {
  test('of the number: the least recently used makes room', () => {
    const { store } = storeWith({ maxStored: 2 });
    store.put('t', storedOf('a'));
    store.put('t', storedOf('b'));
    expect(store.get('t', ID('a'))).toBeDefined();
    store.put('t', storedOf('c'));
    expect(['a', 'b', 'c'].map((key) => store.get('t', ID(key)) !== undefined)).toEqual([true, false, true]);
    expect(store.size.count).toBe(2);
  });

  test('of the bytes; none are left behind', () => {
    const { store } = storeWith({ maxBytes: 20_000 });
    for (let index = 0; index < 50; index++) {
      expect(store.put(`t${index % 3}`, storedOf(`k${index}`, 'x'.repeat(index * 40)))).toBeUndefined();
      expect(store.size.bytes).toBeLessThanOrEqual(20_000);
    }
    expect(store.size.count).toBeGreaterThan(1);
    for (let index = 0; index < 50; index++) store.delete(`t${index % 3}`, ID(`k${index}`));
    expect(store.size).toEqual({ count: 0, bytes: 0 });
  });

  test('a large tenant makes room, not its small neighbour', () => {
    const { store } = storeWith({ maxStored: 4 });
    store.put('small', storedOf('s'));
    for (let index = 0; index < 20; index++) store.put('large', storedOf(`l${index}`));
    expect(store.get('small', ID('s'))).toBeDefined();
    expect(store.get('large', ID('l19'))).toBeDefined();
  });

  test('what is larger than all there may be is not kept, and throws nothing out', () => {
    const { store } = storeWith({ maxBytes: 5_000 });
    store.put('t', storedOf('a'));
    expect(store.put('t', storedOf('b', 'x'.repeat(6_000)))).toContain("'responses.maxBytes' is 5000");
    expect(store.get('t', ID('a'))).toBeDefined();
    expect(storeWith({ maxStored: 0 }).store.put('t', storedOf('a'))).toContain("'responses.maxStored' is 0");
  });

  test('live: a lower bound holds from the next response on', () => {
    const { store, bounds } = storeWith({});
    for (const key of ['a', 'b', 'c']) store.put('t', storedOf(key));
    bounds.maxStored = 1;
    store.put('t', storedOf('d'));
    expect(store.size.count).toBe(1);
    bounds.maxBytes = 0;
    expect(store.put('t', storedOf('e'))).toContain("'responses.maxBytes' is 0");
    expect(store.size).toEqual({ count: 0, bytes: 0 });
  });
});

test('what has expired is gone, also where nobody asks for it', () => {
  const { store, after } = storeWith({ ttlMs: 1000 });
  store.put('t', storedOf('a'));
  store.put('t', storedOf('b'));
  after(999);
  expect(store.get('t', ID('a'))).toBeDefined();
  after(1);
  expect(store.get('t', ID('a'))).toBeUndefined();
  expect(store.delete('t', ID('b'))).toBe(false);
  store.put('t', storedOf('c'));
  after(2000);
  store.put('u', storedOf('d'));
  expect(store.size.count).toBe(1);
});
