import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { golekTiny } from './index.ts';

const sha256 = async (file: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');

test('the file at the path is the model whose digest is published', async () => {
  expect(path.isAbsolute(golekTiny.path)).toBe(true);
  expect(await sha256(golekTiny.path)).toBe(golekTiny.sha256);
});

test('SOURCE.md lists the digest of every file beside it', async () => {
  const folder = path.dirname(golekTiny.path);
  const source = await readFile(path.join(folder, 'SOURCE.md'), 'utf8');
  for (const name of ['golek-tiny-q8_0.gguf', 'golden.json', 'MODEL_CARD.md']) {
    expect(source).toContain(`${await sha256(path.join(folder, name))}  ${name}`);
  }
});
