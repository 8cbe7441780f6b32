import { expect, test } from 'vitest';
import { GolekError } from '@golek/providers-spi';
import { BindingRefusal, isMistake, ofFile } from './binding-refusal.ts';

test('what the binding throws is about the file, thrown or rejected; what is told already stays', async () => {
  // The binding reads fields that a damaged file does not have, so that this too is about the file.
  const cause = new TypeError("Cannot read properties of undefined (reading 'general')");
  for (const work of [
    () => Promise.reject(cause),
    () => {
      throw cause;
    },
  ])
    // prettier-ignore
    await expect(ofFile(work)).rejects.toSatisfy((error) => error instanceof BindingRefusal && error.cause === cause);
  const told = new GolekError('insufficient_memory', 'too large');
  await expect(ofFile(() => Promise.reject(told))).rejects.toBe(told);
  await expect(ofFile(() => 5)).resolves.toBe(5);
});

test('a mistake is what JavaScript itself throws', () => {
  expect(isMistake(new ReferenceError('running is not defined'))).toBe(true);
  expect(isMistake(new Error('Failed to create context'))).toBe(false);
});
