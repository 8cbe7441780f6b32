import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createGeminiProvider } from './index.ts';

const { signal } = new AbortController();

it('lists models with what they do; one with methods of its own only is none here', async () => {
  const models = [
    { name: 'models/gemini-x', supportedGenerationMethods: ['generateContent', 'countTokens'], inputTokenLimit: 1000 },
    { name: 'models/embed-x', supportedGenerationMethods: ['embedContent'] },
    { name: 'models/picture-x', supportedGenerationMethods: ['predict'] },
    { name: 'models/untold' },
  ];
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ models }));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  await using provider = createGeminiProvider({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1beta`,
  });
  const listed = await provider.listModels?.(signal);
  expect(listed).toEqual([
    { location: 'gemini-x', options: { tasks: ['generate', 'count'], contextLength: 1000 } },
    { location: 'embed-x', options: { tasks: ['embed'] } },
    { location: 'untold', options: {} },
  ]);
  const inspect = async (index: number) => {
    const { location = '', options } = listed?.[index] ?? {};
    return provider.inspect({ name: 'm', location, ...(options && { options }) }, { signal });
  };
  expect(await inspect(0)).toMatchObject({ tasks: ['generate', 'count'], contextLength: 1000 });
  expect((await inspect(1)).tasks).toEqual(['embed']);
});
