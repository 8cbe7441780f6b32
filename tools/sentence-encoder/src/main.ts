/** Writes the model of @golek/model-embed. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { convert } from './convert.ts';

const folder = path.resolve(import.meta.dirname, '../../../packages/model-embed/model');
await mkdir(folder, { recursive: true });
for (const [name, bytes] of await convert('int8')) {
  await writeFile(path.join(folder, name), bytes);
  console.log(`${name}: ${bytes.length} bytes`);
}
