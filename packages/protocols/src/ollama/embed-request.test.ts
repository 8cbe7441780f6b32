import { expect, test } from 'vitest';
import { readEmbeddingsRequest, readEmbedRequest } from './embed-request.ts';

test.each([
  readEmbedRequest({ model: 'm', input: 'x', stream: false }),
  readEmbeddingsRequest({ model: 'm', prompt: 'x', stream: true }),
])("'stream' means nothing to vectors", (call) => {
  expect(call).toMatchObject({ kind: 'run', request: { task: 'embed', inputs: ['x'] }, warnings: [] });
});
