import { readFile } from 'node:fs/promises';
import { golekTiny } from '@golek/model-tiny';
import { expect, it } from 'vitest';
import { fieldsOf } from './gguf-fields.ts';
import { mutateGguf, mutationName, originalOf } from './mutate-gguf.ts';

it('finds the fields of a whole file, which end where its weights begin', async () => {
  const file = await readFile(golekTiny.path);
  const { fields, end } = fieldsOf(file);
  expect(file.toString('latin1', 0, 4)).toBe('GGUF');
  expect(fields.slice(0, 4).map(({ at, bytes }) => [at, bytes])).toEqual([
    [0, 4],
    [4, 4],
    [8, 8],
    [16, 8],
  ]);
  const tensors = Number(file.readBigUInt64LE(8));
  expect(fields.filter(({ part, kind }) => part === 'tensors' && kind === 'offset')).toHaveLength(tensors);
  const first = fields.find(({ part, kind }) => part === 'tensors' && kind === 'text');
  expect(file.toString('utf8', first?.at, (first?.at ?? 0) + (first?.bytes ?? 0))).toMatch(/\.weight$/);
  expect(end).toBeLessThan(file.length);
});

it('makes the same damage for the same number, and hardly ever none', async () => {
  const original = originalOf(await readFile(golekTiny.path));
  let unchanged = 0;
  for (let index = 0; index < 260; index++) {
    const file = mutateGguf(original, index);
    if (file.equals(original.file)) unchanged++;
    if (index < 26) expect(file.equals(mutateGguf(original, index))).toBe(true);
  }
  expect(unchanged).toBeLessThan(26);
  expect(new Set(Array.from({ length: 13 }, (_, index) => mutationName(index))).size).toBe(13);
});
