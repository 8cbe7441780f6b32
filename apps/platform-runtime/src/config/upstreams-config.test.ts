import { resolveConfiguration } from '@golek/system';
import { describe, expect, it } from 'vitest';
import { listedModelsOf, upstreamsConfig } from './upstreams-config.ts';

const baseUrl = 'http://127.0.0.1:9/v1';

describe('upstreams', () => {
  it('are of the type openai where they name none', () => {
    const [first] = upstreamsConfig.schema.parse([{ id: 'a', baseUrl, dialect: 'vllm' }]);
    expect(first).toMatchObject({ type: 'openai', dialect: 'vllm', connections: 64 });
  });

  it('have the keys of their type only', () => {
    const parse = (upstream: object) => upstreamsConfig.schema.safeParse([{ id: 'a', baseUrl, ...upstream }]);
    expect(parse({ type: 'anthropic', version: '2026-10-21', betas: ['x-1'], stream: false }).success).toBe(true);
    const refused = parse({ type: 'anthropic', dialect: 'vllm' });
    expect(refused.error?.issues).toMatchObject([
      {
        path: [0, 'dialect'],
        message: "'dialect' is for upstreams of the type openai; this one is of the type anthropic",
      },
    ]);
    expect(parse({ type: 'openai', version: '2023-06-01' }).success).toBe(false);
    expect(parse({ type: 'gemini', stream: false }).success).toBe(true);
    expect(parse({ type: 'gemini', forwardUser: true }).success).toBe(false);
    expect(parse({ type: 'klingon' }).success).toBe(false);
  });

  it('may have several keys and TLS of their own, whatever their type', () => {
    const parse = (upstream: object) => upstreamsConfig.schema.safeParse([{ id: 'a', baseUrl, ...upstream }]);
    for (const type of ['openai', 'anthropic', 'ollama', 'triton'])
      expect(
        parse({ type, apiKeys: ['a', 'b'], http2: true, tls: { ca: 'file:/ca.pem', serverName: 'x.internal' } })
          .success,
      ).toBe(true);
    expect(parse({ apiKeys: [] }).success).toBe(false);
    expect(parse({ tls: { cert: 'x' } }).success).toBe(false);
    expect(parse({ tls: { serverName: 'a b' } }).success).toBe(false);
    expect(parse({ organization: 'org-1', project: 'p' }).success).toBe(true);
    expect(parse({ type: 'anthropic', organization: 'org-1' }).success).toBe(false);
    expect(parse({ dialect: 'azure' }).success).toBe(true);
  });

  it('may serve what the service lists: nothing by default, all, or a choice', () => {
    const settingsOf = (upstream: object) => {
      const [first] = upstreamsConfig.schema.parse([{ id: 'a', baseUrl, ...upstream }]);
      return first && listedModelsOf(first);
    };
    const all = { include: ['*'], exclude: [], prefix: '', refreshMs: 60_000, maxModels: 1000, options: {} };
    expect(settingsOf({})).toBeUndefined();
    expect(settingsOf({ models: 'all' })).toEqual(all);
    expect(settingsOf({ models: {} })).toEqual(all);
    expect(settingsOf({ type: 'triton', models: { include: ['a*'], prefix: 'farm/' } })).toEqual({
      ...all,
      include: ['a*'],
      prefix: 'farm/',
    });
  });

  it.each([
    [{ models: { inclde: ['a'] } }, "unknown key '[0].models.inclde'; did you mean '[0].models.include'?"],
    [{ models: 'every' }, "'[0].models' is invalid: expected 'all' or a map such as { include: ['llama*'] }"],
    [
      { models: { prefix: 'my farm/' } },
      "'[0].models.prefix' is invalid: expected up to 64 printable ASCII characters",
    ],
    [{ models: { refreshMs: 10 } }, "'[0].models.refreshMs' is invalid"],
    [{ models: 'all', dialect: 'azure' }, "name them in 'models.list'"],
  ])('%j is refused', (upstream, words) => {
    const resolve = () =>
      resolveConfiguration({
        sections: [upstreamsConfig],
        environment: { GOLEK_UPSTREAMS: JSON.stringify([{ id: 'a', baseUrl, ...upstream }]) },
      });
    expect(resolve).toThrow(words);
  });
});
