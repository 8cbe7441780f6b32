import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { protoFiles } from './proto-files.ts';

it('the code of the .proto files is what `npm run protos` makes', async () => {
  for (const { file, content } of await protoFiles()) expect(await readFile(file, 'utf8')).toBe(content);
});
