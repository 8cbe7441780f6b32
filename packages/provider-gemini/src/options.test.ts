import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createGeminiProvider, type GeminiProviderOptions } from './index.ts';
import { bench } from './upstream.fixture.ts';

const baseUrl = 'https://api.example.org/v1beta';
const { signal } = new AbortController();

describe('options', () => {
  it.each([
    [{ baseUrl, dialect: 'openai' }, "unknown key 'dialect'"],
    [{ baseUrl, steam: false }, "did you mean 'stream'?"],
    [{ baseUrl, stream: 'no' }, "'stream' must be true or false"],
    [{ baseUrl: 'nothing' }, 'such as https://generativelanguage.googleapis.com/v1beta'],
  ])('%j is refused', (options, words) => {
    expect(() => createGeminiProvider(options as GeminiProviderOptions)).toThrow(words);
  });

  it('of models are checked when they are opened', async () => {
    await using provider = createGeminiProvider({ baseUrl });
    const open = (options: Readonly<Record<string, unknown>>) =>
      provider.open({ name: 'm', location: 'gemini', options }, { signal });
    await expect(open({ task: ['count'] })).rejects.toThrow("did you mean 'tasks'?");
    await expect(open({ thinking: 'deep' })).rejects.toThrow("'thinking' must be one of level, budget");
    await expect(open({ signatures: true })).rejects.toThrow("'signatures' must be one of required, optional");
    await expect(open({ schemas: 'xml' })).rejects.toThrow("'schemas' must be one of json-schema, openapi");
    const session = await open({ contextLength: 1_000_000 });
    expect(session.manifest).toMatchObject({
      tasks: ['generate', 'count'],
      device: 'remote',
      contextLength: 1_000_000,
    });
    expect(session.capabilities.options).toContain('sampling.seed');
    expect(session.capabilities.options).not.toContain('dimensions');
    const embedder = await open({ tasks: ['embed'], embeddingLength: 3072 });
    expect(embedder.manifest).toMatchObject({ tasks: ['embed'], options: ['dimensions'], embeddingLength: 3072 });
  });
});

describe('the list of models', () => {
  it('says what a model does and how long its prompts may be', async () => {
    const { provider } = await bench({}, { 'gemini-x': { kind: 'ok' }, 'embed-x': { kind: 'ok' } });
    const inspect = (location: string, more: object = {}) =>
      provider.inspect({ name: 'm', location, options: { verify: true, ...more } }, { signal });
    expect(await inspect('gemini-x')).toMatchObject({ tasks: ['generate', 'count'], contextLength: 8192 });
    expect(await inspect('models/embed-x')).toMatchObject({ tasks: ['embed', 'count'], source: 'models/embed-x' });
    expect(await inspect('gemini-x', { tasks: ['count'], contextLength: 5 })).toMatchObject({
      tasks: ['count'],
      contextLength: 5,
    });
    await expect(inspect('gemini-y')).rejects.toMatchObject({
      code: 'model_not_found',
      message: expect.stringContaining("has no model 'gemini-y'; did you mean 'gemini-x'?") as string,
    });
  });

  it('is read to its last page, for the collection of the model', async () => {
    const asked: (string | undefined)[] = [];
    const server = createServer(({ url = '' }, response) => {
      asked.push(url);
      const first = !url.includes('pageToken');
      const names = first ? ['tunedModels/a', 'tunedModels/b'] : ['tunedModels/c'];
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({ tunedModels: names.map((name) => ({ name })), ...(first && { nextPageToken: 'b/1' }) }),
      );
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await using provider = createGeminiProvider({ baseUrl: `http://127.0.0.1:${port}/v1beta?tenant=t` });
    const inspect = (location: string) =>
      provider.inspect({ name: 'm', location, options: { verify: true } }, { signal });
    expect((await inspect('tunedModels/c')).source).toBe('tunedModels/c');
    expect(asked).toEqual([
      '/v1beta/tunedModels?pageSize=1000&tenant=t',
      '/v1beta/tunedModels?pageSize=1000&pageToken=b%2F1&tenant=t',
    ]);
    await expect(inspect('tunedModels/d')).rejects.toMatchObject({ code: 'model_not_found' });
  });

  it('that cannot be had proves nothing', async () => {
    const { provider, upstream } = await bench();
    await upstream.refuse();
    const manifest = await provider.inspect({ name: 'm', location: 'x', options: { verify: true } }, { signal });
    expect(manifest.tasks).toEqual(['generate', 'count']);
  });
});

it('health is that of the last requests', async () => {
  const { ask, provider } = await bench();
  expect(await provider.health()).toEqual({ status: 'ok' });
  for (let failures = 0; failures < 3; failures++) await expect(ask('broken-500')).rejects.toThrow();
  expect(await provider.health()).toMatchObject({
    status: 'down',
    reason: expect.stringContaining('answered 500') as string,
  });
  await ask('ok');
  expect(await provider.health()).toEqual({ status: 'ok' });
});
