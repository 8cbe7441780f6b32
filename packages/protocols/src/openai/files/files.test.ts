import { describe, expect, test } from 'vitest';
import { fileList, fileObject, readFileListQuery, readUploadForm } from './index.ts';

test('an upload form', () => {
  expect(readUploadForm({ purpose: 'vision' })).toEqual({ purpose: 'vision' });
  expect(
    readUploadForm({ purpose: 'user_data', 'expires_after[anchor]': 'created_at', 'expires_after[seconds]': '3600' }),
  ).toEqual({ purpose: 'user_data', expiresAfter: 3600 });
});

describe('refused', () => {
  test.each([
    [{}, 'invalid_request', 'purpose'],
    [{ purpose: 'batch' }, 'unsupported', 'purpose'],
    [{ purpose: 'vision', pupose: 'x' }, 'unknown_parameter', 'pupose'],
    [{ purpose: 'vision', 'expires_after[anchor]': 'x' }, 'invalid_request', 'expires_after[anchor]'],
    [{ purpose: 'vision', 'expires_after[seconds]': '1.5' }, 'invalid_request', 'expires_after[seconds]'],
  ])('%j', (fields, code, path) => {
    expect(() => readUploadForm(fields)).toThrow(
      expect.objectContaining({ code, details: expect.objectContaining({ path }) as unknown }) as Error,
    );
  });
  test.each(['limit=0', 'limit=x', 'order=up', 'page=2'])('?%s', (query) => {
    expect(() => readFileListQuery(new URLSearchParams(query))).toThrow(query.split('=')[0]);
  });
});

test('a query', () => {
  expect(readFileListQuery(new URLSearchParams())).toEqual({ limit: 10_000, order: 'desc' });
  expect(readFileListQuery(new URLSearchParams('limit=2&order=asc&after=file-1&purpose=vision'))).toEqual({
    limit: 2,
    order: 'asc',
    after: 'file-1',
    purpose: 'vision',
  });
});

test('a list', () => {
  const facts = { id: 'file-1', bytes: 3, createdAt: 1, expiresAt: 2, filename: 'a.png', purpose: 'vision' } as const;
  expect(fileList([], false)).toEqual({ object: 'list', data: [], first_id: null, last_id: null, has_more: false });
  expect(fileList([facts, { ...facts, id: 'file-2' }], true)).toMatchObject({
    data: [fileObject(facts), { id: 'file-2', created_at: 1, expires_at: 2, status: 'processed' }],
    first_id: 'file-1',
    last_id: 'file-2',
    has_more: true,
  });
});
