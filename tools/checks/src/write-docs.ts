/** Writes the documentation pages that are made from source. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { errorReference } from './error-reference.ts';
import { ROOT } from './repository.ts';

await writeFile(path.join(ROOT, 'docs/reference/errors.md'), errorReference());
