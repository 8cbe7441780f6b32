import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { CountTokensRequest, MessagesRequest } from './messages-request.ts';

const page = await readFile(new URL('../../../../docs/reference/anthropic-api.md', import.meta.url), 'utf8');

/** The names in the first column of the tables of a section. */
const documented = (heading: string): string[] => {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ''));
};

test('the reference page has every parameter once, and no other', () => {
  const own = documented('POST /v1/messages');
  expect(own.sort()).toEqual(Object.keys(MessagesRequest.shape).sort());
  expect(documented('POST /v1/messages/count_tokens').sort()).toEqual(Object.keys(CountTokensRequest.shape).sort());
});
