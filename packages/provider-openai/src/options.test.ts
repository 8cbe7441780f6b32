import { GolekError } from '@golek/api';
import { describe, expect, it } from 'vitest';
import { createOpenAiProvider, type OpenAiProviderOptions } from './index.ts';

const baseUrl = 'https://api.example.org/v1';

const refusal = (options: object): GolekError => {
  try {
    createOpenAiProvider(options as OpenAiProviderOptions);
  } catch (error) {
    if (error instanceof GolekError) return error;
  }
  throw new Error('a GolekError was expected');
};

describe('options', () => {
  it.each([
    [{ baseUrl, timeout: 1 }, "unknown key 'timeout'"],
    [{ baseUrl, apikey: 'k' }, "did you mean 'apiKey'?"],
    [{ baseUrl: 'ftp://example.org' }, "'baseUrl' must be an http or https address"],
    [{ baseUrl: 'nothing' }, "'baseUrl' must be"],
    [{ baseUrl: 'https://me:pw@example.org/v1' }, 'must not hold credentials'],
    [{ baseUrl, connections: 0 }, "'connections' must be an integer from 1 to 10000 (got 0)"],
    [{ baseUrl, dialect: 'klingon' }, "'dialect' must be one of openai, "],
    [{ baseUrl, headers: { 'x-a': 'a\r\nx-b: b' } }, "'headers' must be"],
    [{ baseUrl, apiKey: 'kéy' }, "'apiKey' must be"],
  ])('%j is refused', (options, words) => {
    const error = refusal(options);
    expect([error.code, error.message]).toEqual(['config_invalid', expect.stringContaining(words)]);
    expect(error.message).not.toMatch(/kéy|pw@|x-b/);
  });

  it('of models are checked when they are opened', async () => {
    await using provider = createOpenAiProvider({ baseUrl });
    const { signal } = new AbortController();
    const open = (options: Readonly<Record<string, unknown>>) =>
      provider.open({ name: 'm', location: 'gpt', options }, { signal });
    await expect(open({ task: ['embed'] })).rejects.toThrow("did you mean 'tasks'?");
    await expect(open({ tasks: ['dance'] })).rejects.toThrow("'tasks' must be a list of generate, embed");
    const session = await open({ tasks: ['embed'], contextLength: 100, embeddingLength: 8 });
    expect(session.manifest).toMatchObject({
      name: 'm',
      provider: 'openai',
      source: 'gpt',
      tasks: ['embed'],
      device: 'remote',
      contextLength: 100,
      embeddingLength: 8,
      options: ['input.tokens', 'dimensions'],
    });
    expect(session.capabilities.contextLength).toBe(100);
  });
});
