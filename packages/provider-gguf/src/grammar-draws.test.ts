import { expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { GrammarDraws, type DrawAccount } from './grammar-draws.ts';
import { failure } from './tiny-model.fixture.ts';

const given = (): { promise: Promise<number>; resolve: (token: number) => void; reject: (error: Error) => void } =>
  Promise.withResolvers<number>();

const fresh = (): DrawAccount => ({ slowMs: 0 });

test('a draw gives its token, or its own error', async () => {
  const draws = new GrammarDraws();
  const never = (): void => expect.fail('it was not given up');
  expect(await draws.draw(() => Promise.resolve(7), fresh(), never)).toBe(7);
  await expect(draws.draw(() => Promise.reject(new Error('broken')), fresh(), never)).rejects.toThrow('broken');
});

test('one that takes too long is given up, and so many of them keep further ones away until one ends', async () => {
  const draws = new GrammarDraws(1);
  const calls = [given(), given(), given()];
  const [first] = calls;
  const ends: Promise<void>[] = [];
  const draw = (promise: Promise<number>): Promise<number> =>
    draws.draw(
      () => promise,
      fresh(),
      (ended) => ends.push(ended),
    );
  for (const { promise } of calls) expect((await failure(draw(promise), 'unsupported')).message).toContain('0.001 s');
  expect((await failure(draw(given().promise), 'overloaded')).retryAfter).toBeGreaterThan(0);
  let ended = false;
  const all = draws.ended().then(() => (ended = true));
  first?.reject(new Error('too late to be told'));
  await ends[0];
  expect(ended).toBe(false);
  expect(await draw(Promise.resolve(7))).toBe(7);
  for (const { resolve } of calls) resolve(1);
  await all;
  expect(ends).toHaveLength(3);
});

test('never more of them run than leave a thread to others, and those that wait have their own time', async () => {
  const draws = new GrammarDraws(100);
  const calls = Array.from({ length: 5 }, given);
  let [begun, most, running] = [0, 0, 0];
  const drawn = calls.map(({ promise }) =>
    draws.draw(
      () => {
        begun++;
        most = Math.max(most, ++running);
        return promise.finally(() => running--);
      },
      fresh(),
      () => undefined,
    ),
  );
  await new Promise(setImmediate);
  expect(begun).toBe(3);
  calls[0]?.resolve(1);
  expect(await drawn[0]).toBe(1);
  await new Promise(setImmediate);
  expect(begun).toBe(4);
  // Three go on for too long: the last one learns that there is no place, instead of waiting for ever.
  const errors = drawn.slice(1).map((each) => each.catch((error: unknown) => (error as { code: string }).code));
  expect(await Promise.all(errors)).toEqual(['unsupported', 'unsupported', 'unsupported', 'overloaded']);
  expect(most).toBe(3);
});

test('slow tokens of one answer add up, usual ones do not', async () => {
  const draws = new GrammarDraws(400);
  const never = (): void => undefined;
  const slow = fresh();
  const drawn = async (): Promise<number> => {
    for (let tokens = 0; ; tokens++)
      if (!(await draws.draw(() => sleep(150, 1), slow, never).catch(() => undefined))) return tokens;
  };
  expect(await drawn()).toBe(2);
  const usual = fresh();
  for (let i = 0; i < 100; i++) await draws.draw(() => Promise.resolve(1), usual, never);
  expect(usual.slowMs).toBe(0);
  await draws.ended();
});
