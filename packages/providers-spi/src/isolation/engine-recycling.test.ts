import path from 'node:path';
import { collect } from '@golek/api/plain';
import { afterEach, expect, it, vi } from 'vitest';
import { CONTRACT_MODEL, generate } from '../fixtures/contract-model.ts';
import { IsolatedFake, isAlive } from '../fixtures/isolated-fake.ts';
import type { InferenceEvent, ModelSession } from '../index.ts';

const { signal } = new AbortController();
const fakes: IsolatedFake[] = [];

const isolated = (...options: ConstructorParameters<typeof IsolatedFake>): IsolatedFake => {
  const fake = new IsolatedFake(...options);
  fakes.push(fake);
  return fake;
};

const open = (fake: IsolatedFake): Promise<ModelSession> =>
  fake.provider.open({ name: 'm', location: 'contract' }, { signal });

const run = (session: ModelSession, text: string): AsyncIterator<InferenceEvent> =>
  session.run(generate(text), { id: text, signal })[Symbol.asyncIterator]();

const ask = async (session: ModelSession, text: string): Promise<string | undefined> =>
  (await collect(session.run(generate(text), { id: text, signal }))).choices[0]?.text;

/** Texts of the answer to 'long' from its second event on. */
const rest = async (events: AsyncIterator<InferenceEvent>): Promise<number> => {
  for (let count = 1; ; count++) if ((await events.next()).done) return count;
};

const messages = (fake: IsolatedFake): string[] =>
  fake.logged.map(({ message }) => message).filter((message) => /recycled|worn|restarted|crashed/.test(message));

const logged = (fake: IsolatedFake, message: string, times = 1): Promise<void> =>
  vi.waitFor(() => expect(messages(fake).filter((each) => each === message)).toHaveLength(times), 15_000);

afterEach(async () => {
  for (const fake of fakes.splice(0)) await fake[Symbol.asyncDispose]();
});

it('a worn engine is replaced by one beside it, its runs are whole, and then it ends', async () => {
  const fake = isolated();
  const session = await open(fake);
  const { pid } = await fake.engine();
  const inProgress = run(session, 'long');
  await inProgress.next();
  await ask(session, 'wear');
  await logged(fake, 'engine recycled');
  expect(session.health()).toEqual({ status: 'ok' });
  expect(JSON.parse((await ask(session, 'handover')) ?? '')).toEqual([pid]);
  expect(isAlive(pid)).toBe(true);
  expect(await rest(inProgress)).toBe(2_002);
  await logged(fake, 'worn engine ended');
  expect(isAlive(pid)).toBe(false);
  expect(await ask(session, 'after it')).toBe('after it');
  expect(messages(fake)).toEqual(['engine is worn: a call does not end', 'engine recycled', 'worn engine ended']);
});

it('what a worn engine learns after it was replaced reaches the one that replaces it', async () => {
  const fake = isolated();
  const session = await open(fake);
  const late = ask(session, 'learn late');
  await ask(session, 'wear');
  await logged(fake, 'engine recycled');
  expect(await ask(session, 'handover')).not.toContain('late');
  await late;
  await logged(fake, 'worn engine ended');
  expect(await ask(session, 'handover')).toBe('["late"]');
  process.kill((await fake.engine()).pid, 'SIGKILL');
  await logged(fake, 'engine restarted');
  expect(await ask(session, 'handover')).toBe('["late"]');
});

it('no more often than recycleMs, and never as a crash', async () => {
  const fake = isolated({}, { recycleMs: 4_000 });
  const session = await open(fake);
  await ask(session, 'wear');
  await logged(fake, 'engine recycled');
  const before = performance.now();
  await ask(session, 'wear');
  await logged(fake, 'engine recycled', 2);
  expect(performance.now() - before).toBeGreaterThan(1_500);
  const pids = fake.pids();
  expect(JSON.parse((await ask(session, 'handover')) ?? '')).toHaveLength(2);
  await logged(fake, 'worn engine ended', 2);
  expect(fake.children()).toHaveLength(1);
  expect(pids.length).toBe(3);
  // A crash later starts with no delay, and the next engine still knows what was handed over.
  process.kill((await fake.engine()).pid, 'SIGKILL');
  await logged(fake, 'engine restarted');
  expect(fake.logged.find(({ message }) => message === 'engine restarted')?.fields).toMatchObject({ restarts: 1 });
  expect(JSON.parse((await ask(session, 'handover')) ?? '')).toHaveLength(2);
});

it('runs that go on for too long on a worn engine end with it, others do not', async () => {
  const { answer: _, ...plain } = CONTRACT_MODEL;
  const fake = isolated({ model: { ...plain, hang: { at: 1 } } }, { drainMs: 1_000 });
  const session = await open(fake);
  const hangs = run(session, 'hangs for ever');
  await hangs.next();
  await ask(session, 'wear');
  await logged(fake, 'engine recycled');
  const other = run(session, 'hangs on the other engine');
  expect((await other.next()).done).toBe(false);
  await expect(rest(hangs)).rejects.toMatchObject({ code: 'engine_crashed', retryable: true });
  await logged(fake, 'worn engine ended');
  expect(fake.children()).toHaveLength(1);
  await other.return?.();
});

it('a crash of a worn engine ends its own runs only', async () => {
  const { answer: _, ...plain } = CONTRACT_MODEL;
  const fake = isolated({ model: { ...plain, hang: { at: 1 } } });
  const session = await open(fake);
  const { pid } = await fake.engine();
  const hangs = run(session, 'hangs for ever');
  await hangs.next();
  await ask(session, 'wear');
  await logged(fake, 'engine recycled');
  const other = run(session, 'hangs on the other engine');
  await other.next();
  process.kill(pid, 'SIGKILL');
  await expect(rest(hangs)).rejects.toMatchObject({ code: 'engine_crashed', details: { pid } });
  await logged(fake, 'worn engine ended');
  expect(await ask(session, 'handover')).toContain(String(pid));
  await other.return?.();
});

it('without memory for two, it is replaced in a moment without runs, for which new ones wait', async () => {
  const folder = isolated().folder;
  const fake = isolated({ memory: path.join(folder, 'memory') }, { restartWaitMs: 5_000 });
  const session = await open(fake);
  const { pid } = await fake.engine();
  const inProgress = run(session, 'long');
  await inProgress.next();
  await ask(session, 'wear');
  await logged(fake, 'no engine can be started beside the worn one');
  const next = ask(session, 'handover');
  expect(await rest(inProgress)).toBe(2_002);
  expect(JSON.parse((await next) ?? '')).toEqual([pid]);
  expect(isAlive(pid)).toBe(false);
  expect(fake.children()).toHaveLength(1);
});

it('without memory for two, nothing is ended while runs go on, and new ones go on after a short wait', async () => {
  const folder = isolated().folder;
  const fake = isolated({ memory: path.join(folder, 'memory') }, { restartWaitMs: 200, recycleMs: 1_000 });
  const session = await open(fake);
  const { pid } = await fake.engine();
  const inProgress = run(session, 'long');
  await inProgress.next();
  await ask(session, 'wear');
  await logged(fake, 'no engine can be started beside the worn one', 2);
  expect(await ask(session, 'hello')).toBe('hello');
  expect((await fake.engine()).pid).toBe(pid);
  expect(await rest(inProgress)).toBe(2_002);
  await logged(fake, 'engine recycled');
  expect(isAlive(pid)).toBe(false);
});

it('a model is closed while its engine is replaced, and no process is left', async () => {
  const fake = isolated();
  const session = await open(fake);
  const inProgress = run(session, 'long');
  await inProgress.next();
  await ask(session, 'wear');
  await logged(fake, 'engine recycled');
  const rests = rest(inProgress);
  await Promise.all([expect(rests).rejects.toMatchObject({ code: 'shutting_down' }), session[Symbol.asyncDispose]()]);
  expect(fake.children()).toEqual([]);
});
