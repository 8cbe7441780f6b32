import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfigFile } from './read-config-file.ts';

let base: string;
beforeAll(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'golek-config-'));
});
afterAll(() => rm(base, { recursive: true }));

test('reads a file, and nothing where there is none', async () => {
  const file = path.join(base, 'golek.yaml');
  expect(await readConfigFile(file, { required: false })).toBeUndefined();
  await writeFile(file, 'home: ä');
  expect(await readConfigFile(file, { required: true })).toEqual({ path: file, text: 'home: ä' });
});

test.each([
  ['none.yaml', undefined, 'does not exist'],
  ['big.yaml', 'x'.repeat(1024 * 1024 + 1), 'is larger than 1048576 bytes'],
  ['latin1.yaml', Buffer.from([0x68, 0xe4]), 'is not UTF-8 text'],
])('refuses %s', async (name, content, why) => {
  const file = path.join(base, name);
  if (content !== undefined) await writeFile(file, content);
  await expect(readConfigFile(file, { required: true })).rejects.toMatchObject({
    code: 'config_invalid',
    message: `the configuration file ${file} ${why}`,
  });
});

test('refuses a folder', async () => {
  await expect(readConfigFile(base, { required: false })).rejects.toThrow(/cannot be read/);
});
