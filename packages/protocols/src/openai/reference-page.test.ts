import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { InferBody } from '../tensors/index.ts';
import { ChatRequest } from './chat-request.ts';
import { ClassifyBody } from './classify-request.ts';
import { FileUpload } from './files/index.ts';
import { CompletionRequest } from './completion-request.ts';
import { EmbeddingRequest } from './embedding-request.ts';
import { RerankBody } from './rerank-request.ts';

const page = await readFile(new URL('../../../../docs/reference/openai-api.md', import.meta.url), 'utf8');

/** The names in the first column of the table of an endpoint. */
const documented = (endpoint: string): string[] => {
  const section = page.split(/^## /m).find((text) => text.startsWith(`POST ${endpoint}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ''));
};

test.each([
  ['/v1/chat/completions', ChatRequest],
  ['/v1/completions', CompletionRequest],
  ['/v1/embeddings', EmbeddingRequest],
  ['/v1/rerank', RerankBody],
  ['/v1/classify', ClassifyBody],
  ['/v1/infer', InferBody],
  ['/v1/files', FileUpload],
])('the reference page of %s has every parameter once, and no other', (endpoint, schema) => {
  expect(documented(endpoint).sort()).toEqual(Object.keys(schema.shape).sort());
});
