import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createAnthropicProvider, type AnthropicProviderOptions } from './index.ts';

const baseUrl = 'https://api.example.org/v1';
const { signal } = new AbortController();

describe('options', () => {
  it.each([
    [{ baseUrl, dialect: 'openai' }, "unknown key 'dialect'"],
    [{ baseUrl, versoin: '2023-06-01' }, "did you mean 'version'?"],
    [{ baseUrl, version: '2023-01-01' }, "'version' must be one of 2023-06-01, 2026-10-21"],
    [{ baseUrl, betas: ['a b'] }, "'betas' must be a list of names of betas"],
    [{ baseUrl: 'nothing' }, "'baseUrl' must be an http or https address such as https://api.anthropic.com/v1"],
  ])('%j is refused', (options, words) => {
    expect(() => createAnthropicProvider(options as AnthropicProviderOptions)).toThrow(words);
  });

  it('of models are checked when they are opened', async () => {
    await using provider = createAnthropicProvider({ baseUrl });
    const open = (options: Readonly<Record<string, unknown>>) =>
      provider.open({ name: 'm', location: 'claude', options }, { signal });
    await expect(open({ task: ['count'] })).rejects.toThrow("did you mean 'tasks'?");
    await expect(open({ cache: 'always' })).rejects.toThrow("'cache' must be one of off, 5m, 1h");
    const session = await open({ contextLength: 200_000 });
    expect(session.manifest).toMatchObject({ tasks: ['generate', 'count'], device: 'remote', contextLength: 200_000 });
    expect(session.capabilities.options).toContain('sampling.temperature');
  });

  it('the later version takes no sampling options', async () => {
    await using provider = createAnthropicProvider({ baseUrl, version: '2026-10-21' });
    const { options } = await provider.inspect({ name: 'm', location: 'claude' }, { signal });
    expect(options?.filter((option) => option.startsWith('sampling'))).toEqual([]);
  });
});

it('a list of models is read to its last page', async () => {
  const asked: (string | undefined)[] = [];
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    const first = !url.includes('after_id');
    const data = first ? [{ id: 'a' }, { id: 'b/1' }] : [{ id: 'c' }];
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ data, has_more: first, last_id: data.at(-1)?.id }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await using provider = createAnthropicProvider({ baseUrl: `http://127.0.0.1:${port}/v1?tenant=t` });
  const inspect = (location: string) =>
    provider.inspect({ name: 'm', location, options: { verify: true } }, { signal });
  expect((await inspect('c')).source).toBe('c');
  expect(asked).toEqual(['/v1/models?limit=1000&tenant=t', '/v1/models?limit=1000&after_id=b%2F1&tenant=t']);
  await expect(inspect('d')).rejects.toMatchObject({ code: 'model_not_found' });
  server.close();
});
