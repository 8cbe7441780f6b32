import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { InputTokensRequest, ResponseRequest } from './response-body.ts';

const page = await readFile(new URL('../../../../../docs/reference/responses-api.md', import.meta.url), 'utf8');

/** The names in the first column of the table of an endpoint. */
const documented = (endpoint: string): string[] => {
  const section = page.split(/^## /m).find((text) => text.startsWith(`POST ${endpoint}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ''));
};

test.each([
  ['/v1/responses', ResponseRequest],
  ['/v1/responses/input_tokens', InputTokensRequest],
])('the reference page of %s has every parameter once, and no other', (endpoint, schema) => {
  expect(documented(endpoint).sort()).toEqual(Object.keys(schema.shape).sort());
});
