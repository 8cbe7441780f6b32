import { once } from 'node:events';
import { GolekError } from '@golek/api';
import { SILENT_LOG } from '@golek/plugins-api';
import type { ListedModel } from '@golek/providers-spi';
import { expect, onTestFinished, test } from 'vitest';
import { askList } from './ask-list.ts';
import { UpstreamLists } from './upstream-lists.ts';

const { signal } = new AbortController();

const SETTINGS = { include: ['*'], exclude: [], prefix: '', refreshMs: 20, maxModels: 10, options: {} };

type List = (signal: AbortSignal) => Promise<readonly ListedModel[]>;

const upstream = (id: string, listModels: List) => ({ provider: { id, listModels }, settings: SETTINGS });

const listsOf = (...upstreams: ReturnType<typeof upstream>[]): UpstreamLists => {
  const lists = new UpstreamLists({ upstreams, log: SILENT_LOG });
  onTestFinished(() => lists[Symbol.asyncDispose]());
  return lists;
};

const hang: List = async (ends) => {
  await once(ends, 'abort');
  throw GolekError.from(ends.reason);
};

const namesOf = (lists: UpstreamLists) =>
  lists.selections.flatMap(({ models }) => models.map(({ source }) => source.name));

test('a list is asked for again and again; one that cannot be read leaves the one before', async () => {
  let answer: string[] | Error = ['a'];
  const lists = listsOf(
    upstream('farm', async () => {
      if (answer instanceof Error) throw answer;
      return answer.map((location) => ({ location }));
    }),
  );
  const seen: string[][] = [];
  await lists.follow(async () => void seen.push(namesOf(lists)), signal);
  expect(seen[0]).toEqual(['a']);
  answer = ['b'];
  await expect.poll(() => seen.at(-1)).toEqual(['b']);
  answer = new GolekError('provider_failed', 'nobody there');
  await expect.poll(() => lists.states[0]?.failure?.message).toBe('nobody there');
  expect(namesOf(lists)).toEqual(['b']);
  answer = ['c'];
  await expect.poll(() => seen.at(-1)).toEqual(['c']);
  expect(lists.states[0]?.failure).toBeUndefined();
});

test('a service that says nothing holds neither the start nor the lists of others, and its question ends with the platform', async () => {
  let asked: AbortSignal | undefined;
  const lists = listsOf(
    upstream('silent', (ends) => {
      asked = ends;
      return hang(ends);
    }),
    upstream('farm', async () => [{ location: 'a' }]),
  );
  await lists.follow(async () => undefined, signal);
  expect(namesOf(lists)).toEqual(['a']);
  expect(asked?.aborted).toBe(false);
  await lists[Symbol.asyncDispose]();
  expect(asked?.aborted).toBe(true);
});

test('a list has a time limit, and a provider without one says so', async () => {
  await expect(askList(upstream('slow', hang), 20, signal)).rejects.toMatchObject({
    code: 'deadline_exceeded',
    message: "upstream 'slow' did not give its list of models within 0.02 s",
  });
  await expect(askList({ provider: { id: 'none' }, settings: SETTINGS }, 20, signal)).rejects.toMatchObject({
    code: 'unsupported',
  });
});
