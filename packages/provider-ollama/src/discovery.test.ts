import type { Log, ModelManifest } from '@golek/providers-spi';
import { describe, expect, it } from 'vitest';
import { createOllamaProvider } from './index.ts';
import { readShown } from './shown-model.ts';
import { bench } from './upstream.fixture.ts';

const { signal } = new AbortController();

describe('what a model is', () => {
  it('is asked of the server', async () => {
    const { provider, upstream } = await bench();
    const manifest = await provider.inspect({ name: 'm', location: 'ok' }, { signal });
    expect(manifest).toMatchObject({
      name: 'm',
      provider: 'faulty',
      source: 'ok',
      tasks: ['generate', 'embed'],
      device: 'remote',
      format: 'gguf',
      architecture: 'llama',
      quantization: 'Q4_K_M',
      contextLength: 8192,
      embeddingLength: 4,
    } satisfies Partial<ModelManifest>);
    expect(manifest.options).toEqual(expect.arrayContaining(['tools', 'dimensions', 'output.json-schema']));
    expect(manifest.options).not.toContain('input.image');
    expect(upstream.count).toBe(0);
  });

  it('may be said, and then nobody is asked', async () => {
    const { open, provider, upstream } = await bench();
    await upstream.refuse();
    const session = await open('ok', {
      discover: false,
      tasks: ['generate'],
      options: ['input.chat'],
      parameters: { num_ctx: 4096 },
    });
    expect(session.capabilities).toMatchObject({ tasks: ['generate'], options: ['input.chat'], contextLength: 4096 });
    expect(
      await provider.inspect({ name: 'm', location: 'x', options: { discover: false } }, { signal }),
    ).toMatchObject({
      tasks: ['generate'],
    });
  });

  it('a name that the server does not have is refused with the nearest', async () => {
    const { open } = await bench();
    await expect(open('oky')).rejects.toMatchObject({
      code: 'model_not_found',
      message: expect.stringMatching(/^upstream 'faulty' \(127.0.0.1:\d+\) has no model 'oky'; did you mean 'ok'\?$/),
    });
  });

  it('a server that cannot be asked proves nothing', async () => {
    const told: unknown[] = [];
    const nothing = (): void => undefined;
    const log: Log = { debug: nothing, info: nothing, error: nothing, warn: (fields) => told.push(fields) };
    const { open, upstream } = await bench({ log });
    await upstream.refuse();
    const { capabilities } = await open('ok');
    expect(capabilities.tasks).toEqual(['generate']);
    expect(capabilities.options).toEqual(
      expect.arrayContaining(['tools', 'input.image', 'suffix', 'reasoning.effort']),
    );
    expect(told).toEqual([expect.objectContaining({ model: 'm', upstream: 'faulty' })]);
    await expect(open('ok', {}).then((session) => session.health())).resolves.toEqual({ status: 'ok' });
  });
});

describe('what a server says', () => {
  it('is read as far as it goes', () => {
    expect(
      readShown({
        parameters: 'stop                           "<|eot_id|>"\nnum_ctx                        16384',
        details: { family: 'qwen3', parameter_size: '8B' },
        model_info: { 'general.parameter_count': 8e9, 'qwen3.context_length': 40960, 'general.license': 'apache-2.0' },
        capabilities: ['completion', 'thinking', 7],
      }),
    ).toEqual({
      capabilities: ['completion', 'thinking'],
      loadedContext: 16384,
      manifest: { architecture: 'qwen3', parameterCount: 8e9, contextLength: 40960, license: 'apache-2.0' },
    });
    for (const nothing of [null, [], 'x', {}, { model_info: 3, capabilities: 'many', parameters: 1 }]) {
      expect(readShown(nothing)).toEqual({ capabilities: undefined, loadedContext: undefined, manifest: {} });
    }
  });
});

describe('options', () => {
  it.each([
    [{ baseUrl: 'localhost:11434' }, 'an http or https address such as http://127.0.0.1:11434'],
    [{ baseUrl: 'http://u:p@h' }, "use 'apiKey' or 'headers'"],
    [{ baseUrl: 'http://h', conections: 3 }, "did you mean 'connections'"],
  ])('%o is refused', (options, words) => {
    expect(() => createOllamaProvider(options)).toThrow(
      expect.objectContaining({ code: 'config_invalid', message: expect.stringContaining(words) }),
    );
  });

  it('of a model are checked before anything is asked', async () => {
    const { provider, upstream } = await bench();
    await upstream.refuse();
    for (const [options, words] of [
      [{ keepAlive: '' }, "a duration such as '5m'"],
      [{ tasks: ['rerank'] }, 'a list of generate, embed'],
      [{ parameter: {} }, "did you mean 'parameters'"],
    ] as const) {
      await expect(provider.inspect({ name: 'm', location: 'ok', options }, { signal })).rejects.toMatchObject({
        code: 'config_invalid',
        message: expect.stringContaining(words),
      });
    }
  });
});
