import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { golekEmbed } from './index.ts';

const sha256 = async (file: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');

test('the file at the path is the model whose digest is published', async () => {
  expect(path.isAbsolute(golekEmbed.path)).toBe(true);
  expect(await sha256(golekEmbed.path)).toBe(golekEmbed.sha256);
});

test('SOURCE.md lists the digest of every file beside it', async () => {
  const folder = path.dirname(golekEmbed.path);
  const source = await readFile(path.join(folder, 'SOURCE.md'), 'utf8');
  const others = (await readdir(folder)).filter((name) => name !== 'SOURCE.md');
  expect(others).toHaveLength(4);
  for (const name of others) expect(source).toContain(`${await sha256(path.join(folder, name))}  ${name}`);
});
