import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ChatRequest } from './chat-request.ts';
import { EmbedRequest } from './embed-request.ts';
import { GenerateRequest } from './generate-request.ts';
import { ModelOptions } from './model-options.ts';

const page = await readFile(new URL('../../../../docs/reference/ollama-api.md', import.meta.url), 'utf8');

/** The names in the first column of the table of a section. */
const documented = (title: string): string[] => {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ''));
};

test.each([
  ['POST /api/chat', ChatRequest],
  ['POST /api/generate', GenerateRequest],
  ['Options', ModelOptions],
  ['POST /api/embed', EmbedRequest],
])('the reference page of %s has every parameter once, and no other', (title, schema) => {
  expect(documented(title).sort()).toEqual(Object.keys(schema.shape).sort());
});
