import { expect, test } from 'vitest';
import { GrammarDraws } from './grammar-draws.ts';
import { failure } from './tiny-model.fixture.ts';

const given = (): { promise: Promise<number>; resolve: (token: number) => void; reject: (error: Error) => void } =>
  Promise.withResolvers<number>();

test('a draw gives its token, or its own error', async () => {
  const draws = new GrammarDraws();
  const never = (): void => expect.fail('it was not given up');
  expect(await draws.draw(() => Promise.resolve(7), never)).toBe(7);
  await expect(draws.draw(() => Promise.reject(new Error('broken')), never)).rejects.toThrow('broken');
});

test('one that takes too long is given up, and so many of them keep further ones away until they end', async () => {
  const draws = new GrammarDraws(1);
  const [first, second] = [given(), given()];
  const ends: Promise<void>[] = [];
  const giveUp = ({ promise }: { promise: Promise<number> }): (() => Promise<number>) => {
    return () =>
      draws.draw(
        () => promise,
        (ended) => ends.push(ended),
      );
  };
  expect((await failure(giveUp(first), 'unsupported')).message).toContain('0.001 s');
  await failure(giveUp(second), 'unsupported');
  expect((await failure(giveUp(given()), 'overloaded')).retryAfter).toBeGreaterThan(0);
  let ended = false;
  const all = draws.ended().then(() => (ended = true));
  first.reject(new Error('too late to be told'));
  await ends[0];
  expect(ended).toBe(false);
  expect(
    await draws.draw(
      () => Promise.resolve(7),
      () => undefined,
    ),
  ).toBe(7);
  second.resolve(1);
  await all;
  expect(ends).toHaveLength(2);
});
