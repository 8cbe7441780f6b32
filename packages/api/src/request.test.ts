import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { describeIssue, GenerateRequest, InferenceRequest, JSON_SCHEMA_NAMES, jsonSchemaOf, nearest } from './index.ts';

const chat = {
  task: 'generate',
  model: 'm',
  input: { type: 'chat', messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }] },
};
const known = (): string[] => ['temperature', 'topP', 'seed'];

const problemOf = (value: unknown): string => {
  const result = InferenceRequest.safeParse(value);
  if (result.success) throw new Error('expected the value to be refused');
  return describeIssue(result.error, value, known).message;
};

describe('InferenceRequest', () => {
  it('accepts each task', () => {
    const model = 'm';
    const requests = [
      chat,
      {
        task: 'generate',
        model,
        input: { type: 'text', prompt: [1, 2] },
        sampling: { temperature: 0, seed: 1 },
        stop: ['x'],
      },
      { task: 'embed', model, inputs: ['a', [1]] },
      { task: 'rerank', model, query: 'q', documents: ['d'] },
      { task: 'classify', model, inputs: ['a'] },
      {
        task: 'classify',
        model,
        inputs: [
          { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AA==' } },
          { type: 'audio', source: { kind: 'url', url: 'https://example.com/a.wav' } },
        ],
      },
      { task: 'tensor', model, inputs: [{ name: 'x', type: 'FP32', shape: [1], data: new Uint8Array(4) }] },
      { task: 'tokenize', model, text: 'a' },
      { task: 'detokenize', model, tokens: [1] },
    ];
    for (const request of requests) expect(InferenceRequest.parse(request)).toEqual(request);
  });

  it('names an unknown key and the nearest known one', () => {
    expect(problemOf({ ...chat, sampling: { temprature: 1 } })).toBe(
      "unknown key 'sampling.temprature'; did you mean 'sampling.temperature'?",
    );
  });

  it('leaves the size of a list out where a rule about the whole list is broken', () => {
    const targets = z.array(z.string()).refine(() => false, 'a names itself');
    const { error } = z.object({ targets }).safeParse({ targets: ['a'] });
    expect(error && describeIssue(error, { targets: ['a'] }, () => []).message).toBe(
      "'targets' is invalid: a names itself",
    );
  });

  it('names an unknown key of an object that may also be something else', () => {
    const schema = z.object({
      models: z.union([z.literal('all'), z.strictObject({ include: z.string().optional() })]),
    });
    const value = { models: { inclde: 'a' } };
    const { error } = schema.safeParse(value);
    expect(error && describeIssue(error, value, () => ['include']).message).toBe(
      "unknown key 'models.inclde'; did you mean 'models.include'?",
    );
  });

  it('takes null for a missing value, as clients send it', () => {
    expect(problemOf({ ...chat, model: null })).toBe("'model' is missing: expected string");
  });

  it('names field and value of a wrong one', () => {
    expect(problemOf({ ...chat, sampling: { temperature: -1 } })).toMatch(
      /^'sampling\.temperature' is invalid: .*>=0 \(got -1\)$/,
    );
    expect(problemOf({ ...chat, maxTokens: '5' })).toMatch(
      /^'maxTokens' is invalid: expected number, received string \(got '5'\)$/,
    );
    expect(problemOf({ ...chat, model: undefined })).toMatch(/^'model' is missing: expected string$/);
    expect(problemOf({ ...chat, input: { type: 'chat', messages: [{ role: 'robot', content: [] }] } })).toContain(
      "'input.messages[0].role' is invalid",
    );
    expect(problemOf(null)).toContain('the whole value');
  });

  it('cuts a long value short', () => {
    expect(problemOf({ ...chat, model: ['x'.repeat(500)] }).length).toBeLessThan(200);
  });
});

describe('nearest', () => {
  it('offers a likely misspelling and nothing far away', () => {
    expect(nearest('max_token', ['max_tokens', 'model'])).toBe('max_tokens');
    expect(nearest('zebra', ['max_tokens', 'model'])).toBeUndefined();
  });
});

describe('jsonSchemaOf', () => {
  it.each(JSON_SCHEMA_NAMES)('%s has a JSON Schema that refuses unknown keys', (name) => {
    const text = JSON.stringify(jsonSchemaOf(name));
    expect(JSON.parse(text)).toMatchObject({ $schema: 'https://json-schema.org/draft/2020-12/schema' });
    expect(text).toContain('"additionalProperties":false');
  });
});

describe('options of templates and samplers', () => {
  const parsed = (input: object, rest: object = {}): boolean =>
    GenerateRequest.safeParse({
      task: 'generate',
      model: 'm',
      input: { type: 'chat', messages: [{ role: 'user', content: [] }], ...input },
      ...rest,
    }).success;

  it('takes plain JSON by names of variables, within bounds', () => {
    expect(
      parsed({ templateOptions: { enable_thinking: false, documents: [{ title: 'a', pages: 3 }], x: null } }),
    ).toBe(true);
    for (const templateOptions of [
      { 'a-b': 1 },
      { '': 1 },
      { f: () => 1 },
      { a: undefined },
      { a: 'x'.repeat(5000) },
      Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`a${i}`, i])),
    ])
      expect(parsed({ templateOptions })).toBe(false);
  });

  it('takes samplers whole and within bounds', () => {
    expect(parsed({}, { sampling: { xtc: { probability: 0.5, threshold: 0.1 }, dry: { multiplier: 0.8 } } })).toBe(
      true,
    );
    for (const sampling of [
      { xtc: { probability: 0.5 } },
      { xtc: { probability: 2, threshold: 0 } },
      { dry: { base: 2 } },
      { dry: { multiplier: 1, sequenceBreakers: Array.from({ length: 9 }, () => 'a') } },
      { dry: { multiplier: 1, sequenceBreakers: [''] } },
    ])
      expect(parsed({}, { sampling })).toBe(false);
  });
});
