import { expect, test } from 'vitest';
import { reportBinding } from './index.ts';
import { openTiny } from './tiny-model.fixture.ts';

test('the CPU in place of a GPU is said', async () => {
  const lines: string[] = [];
  const keep = (_fields: object, message: string): number => lines.push(message);
  const { provider } = await openTiny({ gpu: 'auto', log: { debug: keep, info: keep, warn: keep, error: keep } });
  const { backend } = await reportBinding();
  expect(lines.some((line) => line.includes('models run on the CPU'))).toBe(backend === 'cpu');
  await provider[Symbol.asyncDispose]();
});
