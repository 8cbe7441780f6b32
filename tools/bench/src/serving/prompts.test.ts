import { golekTiny } from '@golek/model-tiny';
import { expect, it } from 'vitest';
import { PromptMaker } from './prompts.ts';

it('makes prompts that differ from their beginning on, without special tokens', () => {
  const prompts = new PromptMaker(5000, 300);
  const made = Array.from({ length: 50 }, () => prompts.next(32));
  expect(new Set(made.map((prompt) => prompt.slice(0, 3).join())).size).toBe(50);
  expect(made.flat().every((token) => token >= 300 && token < 5000)).toBe(true);
});

it('knows the vocabulary of a file', async () => {
  const prompts = await PromptMaker.of(golekTiny.path);
  expect(Math.max(...prompts.next(1000))).toBeLessThan(65_536);
});
