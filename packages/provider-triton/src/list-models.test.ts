import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { createTritonProvider } from './index.ts';
import { echo, vllm } from './models.fixture.ts';
import { startLoopbackServer } from './triton-server.fixture.ts';

const { signal } = new AbortController();

it('gives the models of the repository over gRPC, each once', async () => {
  await using server = await startLoopbackServer({ echo, text: vllm });
  await using provider = createTritonProvider({ baseUrl: server.url });
  expect(await provider.listModels?.(signal)).toEqual([{ location: 'echo' }, { location: 'text' }]);
});

it('gives them over REST, loaded or not', async () => {
  const server = createServer((request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify(
        request.url === '/v2/repository/index' && request.method === 'POST'
          ? [{ name: 'one', version: '1', state: 'READY' }, { name: 'two' }, { version: '1' }]
          : {},
      ),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using provider = createTritonProvider({ baseUrl, protocol: 'http' });
  expect(await provider.listModels?.(signal)).toEqual([{ location: 'one' }, { location: 'two' }]);
  server.close();
});

it('refuses after its end, and ends with the signal', async () => {
  await using server = await startLoopbackServer({ echo });
  const provider = createTritonProvider({ baseUrl: server.url });
  await expect(provider.listModels?.(AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
  await provider[Symbol.asyncDispose]();
  await expect(provider.listModels?.(signal)).rejects.toMatchObject({ code: 'shutting_down' });
});
