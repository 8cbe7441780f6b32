import { writeFile } from 'node:fs/promises';
import { protoFiles } from './proto-files.ts';

for (const { file, content } of await protoFiles()) await writeFile(file, content);
