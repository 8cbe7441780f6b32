import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { createOpenAiProvider } from './index.ts';
import { bench } from './upstream.fixture.ts';

const { signal } = new AbortController();

it('lists the models of the service by their ids', async () => {
  const { provider } = await bench({}, { 'gpt-a': { kind: 'ok' }, 'meta/llama': { kind: 'ok' } });
  expect(await provider.listModels?.(signal)).toEqual([
    { location: 'gpt-a', options: {} },
    { location: 'meta/llama', options: {} },
  ]);
});

it('takes what a list tells of contexts and tasks; what other tasks only a Golek has is none here', async () => {
  const data = [
    { id: 'vllm', max_model_len: 4096 },
    { id: 'groq', context_window: 8192 },
    { id: 'odd', context_length: 0, max_model_len: '9' },
    { id: 'golek', golek: { tasks: ['generate', 'embed', 'tokenize'], contextLength: 512 } },
    { id: 'labels', golek: { tasks: ['classify'] } },
    { object: 'model' },
  ];
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ data }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  await using provider = createOpenAiProvider({ baseUrl });
  const listed = await provider.listModels?.(signal);
  expect(listed).toEqual([
    { location: 'vllm', options: { contextLength: 4096 } },
    { location: 'groq', options: { contextLength: 8192 } },
    { location: 'odd', options: {} },
    { location: 'golek', options: { tasks: ['generate', 'embed'], contextLength: 512 } },
  ]);
  const { location = '', options = {} } = listed?.[3] ?? {};
  expect(await provider.inspect({ name: 'm', location, options }, { signal })).toMatchObject({
    tasks: ['generate', 'embed'],
    contextLength: 512,
  });
  server.close();
});

it('has no list where models are deployments', async () => {
  await using provider = createOpenAiProvider({ baseUrl: 'http://127.0.0.1:9/openai', dialect: 'azure' });
  expect(provider.listModels).toBeUndefined();
});

it('reads no endless list', async () => {
  const piece = ' '.repeat(1024 * 1024);
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    const write = (): void => {
      while (!response.destroyed && response.write(piece));
    };
    response.on('drain', write);
    write();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await using provider = createOpenAiProvider({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
  });
  await expect(provider.listModels?.(signal)).rejects.toMatchObject({
    code: 'provider_failed',
    cause: expect.objectContaining({ message: 'the answer is longer than the limit of 16777216 bytes' }),
  });
  server.closeAllConnections();
  server.close();
});
