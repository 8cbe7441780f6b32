import { expect, it } from 'vitest';
import { Turns } from './turns.ts';

it('lets one operation begin when the one before has ended, well or not', async () => {
  const turns = new Turns();
  const steps: string[] = [];
  const step = (name: string, fails = false) =>
    turns.take(async () => {
      steps.push(`>${name}`);
      await Promise.resolve();
      steps.push(`<${name}`);
      if (fails) throw new Error(name);
      return name;
    });
  const [first, second, third] = [step('a'), step('b', true), step('c')];
  await expect(second).rejects.toThrow('b');
  expect([await first, await third]).toEqual(['a', 'c']);
  expect(steps).toEqual(['>a', '<a', '>b', '<b', '>c', '<c']);
});

it('ends what is in progress and refuses what waits when it is closed', async () => {
  const turns = new Turns();
  const gate = Promise.withResolvers<string>();
  const running = turns.take(() => gate.promise);
  const refused = expect(turns.take(async () => 'late')).rejects.toThrow('over');
  await Promise.resolve();
  const closed = turns.close(new Error('over'));
  expect(turns.closed).toBe(true);
  gate.resolve('done');
  expect(await running).toBe('done');
  await refused;
  await closed;
  await expect(turns.take(async () => 1)).rejects.toThrow('over');
});
