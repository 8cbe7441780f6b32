import type { ModelManifest } from '@golek/api';
import { describe, expect, test } from 'vitest';
import { parameterSize } from './model-details.ts';
import { processList, tagList } from './model-list.ts';
import { localName } from './model-name.ts';
import { showResponse } from './show.ts';

const manifest: ModelManifest = {
  name: 'llama',
  provider: 'gguf',
  source: '/models/llama.gguf',
  tasks: ['generate'],
  format: 'gguf',
  architecture: 'llama',
  quantization: 'Q4_K_M',
  parameterCount: 1_235_814_432,
  sizeBytes: 800,
  contextLength: 131_072,
  embeddingLength: 2048,
  license: 'llama3.2',
  created: 1_790_000_000,
};
const bare: ModelManifest = {
  name: 'far',
  provider: 'up',
  source: 'x',
  tasks: ['embed'],
  created: 0,
  device: 'remote',
};

test.each([
  [4_098_816, '4.1M'],
  [7_240_000_000, '7.2B'],
  [137_000_000, '137M'],
  [1_000, '1K'],
  [12, '12'],
  [1.5e12, '1.5T'],
])('%i parameters are %s', (count, text) => {
  expect(parameterSize(count)).toBe(text);
});

describe('lists', () => {
  test('have what is known, and an empty text or nothing for the rest; no path', () => {
    const { models } = tagList([manifest, bare]);
    expect(models).toEqual([
      {
        name: 'llama',
        model: 'llama',
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
        modified_at: '2026-09-21T14:13:20.000Z',
        size: 800,
        details: {
          parent_model: '',
          format: 'gguf',
          family: 'llama',
          families: ['llama'],
          parameter_size: '1.2B',
          quantization_level: 'Q4_K_M',
        },
      },
      {
        name: 'far',
        model: 'far',
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
        modified_at: '1970-01-01T00:00:00.000Z',
        details: {
          parent_model: '',
          format: '',
          family: '',
          families: null,
          parameter_size: '',
          quantization_level: '',
        },
      },
    ]);
    expect(JSON.stringify(models)).not.toContain('/models/');
    expect(tagList([{ ...manifest, sizeBytes: 801 }]).models[0]?.digest).not.toBe(models[0]?.digest);
  });

  test('of what is in memory tell when it is unloaded', () => {
    const now = Date.parse('2026-11-23T00:00:00Z');
    const loaded = { manifest, memoryBytes: 12.4, contextLength: 512, device: 'cpu' as const };
    const times = processList(
      [
        { ...loaded, inUse: 0, unloadsInMs: 60_000 },
        { ...loaded, inUse: 0, unloadsInMs: undefined },
        { ...loaded, inUse: 1, unloadsInMs: undefined },
      ],
      now,
    ).models;
    expect(times.map(({ expires_at: at }) => at)).toEqual([
      '2026-11-23T00:01:00.000Z',
      expect.stringMatching(/^2319-/),
      undefined,
    ]);
    expect(times[0]).toMatchObject({ size: 12, size_vram: 0, context_length: 512 });
    expect(processList([{ manifest: bare, inUse: 0, unloadsInMs: 1 }], now).models[0]).not.toHaveProperty('size_vram');
  });
});

test('a model is shown with what it can do', () => {
  expect(
    showResponse(manifest, { options: ['tools', 'input.image', 'reasoning.effort'], contextLength: 512 }),
  ).toMatchObject({
    license: 'llama3.2',
    model_info: {
      'general.architecture': 'llama',
      'general.parameter_count': 1_235_814_432,
      'llama.context_length': 512,
      'llama.embedding_length': 2048,
    },
    capabilities: ['completion', 'tools', 'vision', 'thinking'],
  });
  expect(showResponse(bare, {})).toMatchObject({ model_info: {}, capabilities: ['embedding'] });
});

test('the tag that clients add is overlooked, unless a model has it', () => {
  const known = (name: string): boolean => ['a', 'b:latest', 'b'].includes(name);
  expect(['a', 'a:latest', 'b:latest', 'c:latest', 'a:7b'].map((name) => localName(name, known))).toEqual([
    'a',
    'a',
    'b:latest',
    'c:latest',
    'a:7b',
  ]);
});
