import { describe, expect, it } from 'vitest';
import { upstreamsConfig } from './upstreams-config.ts';

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
});
