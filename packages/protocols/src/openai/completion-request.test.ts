import { GenerateRequest } from '@golek/api';
import type OpenAI from 'openai';
import { describe, expect, expectTypeOf, test } from 'vitest';
import type { CompletionRequest } from './completion-request.ts';
import { readCompletionRequest } from './completion-request.ts';
import type { llamaCppFields } from './llama-cpp-fields.ts';
import { failure } from './failure.fixture.ts';

type Official = OpenAI.CompletionCreateParams;
type Extension =
  | 'top_k'
  | 'min_p'
  | 'repeat_penalty'
  | 'repetition_penalty'
  | 'grammar'
  | 'lora'
  | 'response_format'
  | keyof typeof llamaCppFields;

const read = (fields: object): ReturnType<typeof readCompletionRequest> =>
  readCompletionRequest({ model: 'm', prompt: 'once', ...fields });

test('every parameter of the official client is known, and nothing else but the extensions', () => {
  expectTypeOf<keyof typeof CompletionRequest.shape>().toEqualTypeOf<keyof Official | Extension>();
});

test('what the schema accepts is what the official client sends', () => {
  const sent: Official = {
    model: 'm',
    prompt: 'once',
    best_of: 2,
    echo: false,
    frequency_penalty: 0,
    logit_bias: {},
    logprobs: 5,
    max_tokens: 3,
    n: 2,
    presence_penalty: 0,
    seed: 1,
    stop: 'x',
    stream: false,
    stream_options: null,
    suffix: null,
    temperature: 0,
    top_p: 1,
    user: 'u',
  };
  const call = readCompletionRequest(sent);
  expect(call).toMatchObject({ choices: 2, stream: false, includeUsage: false, topLogprobs: 5 });
  expect(call.requests.map((request) => GenerateRequest.parse(request))).toEqual([
    {
      task: 'generate',
      model: 'm',
      user: 'u',
      input: { type: 'text', prompt: 'once' },
      sampling: { temperature: 0, topP: 1, seed: 1, frequencyPenalty: 0, presencePenalty: 0 },
      maxTokens: 3,
      stop: ['x'],
      choices: 2,
      logprobs: { top: 5 },
    },
  ]);
});

test.each<[unknown, unknown[]]>([
  ['a', ['a']],
  [
    ['a', 'b'],
    ['a', 'b'],
  ],
  [[1, 2], [[1, 2]]],
  [
    [[1, 2], [3]],
    [[1, 2], [3]],
  ],
  ['', ['']],
  [null, ['']],
])('prompt %j', (prompt, prompts) => {
  const { requests, choices } = read({ prompt, n: 3 });
  expect(requests.map(({ input }) => input.type === 'text' && input.prompt)).toEqual(prompts);
  expect(choices).toBe(3 * prompts.length);
});

test('the default limit is that of OpenAI', () => {
  expect(read({})).toMatchObject({ defaultMaxTokens: 16, requests: [{ model: 'm' }] });
  // A server with a smaller limit would refuse it as the client's wish.
  expect(read({}).requests[0]).not.toHaveProperty('maxTokens');
  expect(read({ max_tokens: 20 })).not.toHaveProperty('defaultMaxTokens');
});

test('n_predict is another name of the limit, and -1 is none', () => {
  expect(read({ n_predict: 7 }).requests[0]?.maxTokens).toBe(7);
  const endless = read({ n_predict: -1, ignore_eos: true });
  expect(endless.requests[0]).not.toHaveProperty('maxTokens');
  expect(endless).not.toHaveProperty('defaultMaxTokens');
});

test('the best of several, which cannot be streamed', () => {
  expect(read({ n: 2, best_of: 5 })).toMatchObject({ choices: 2, requests: [{ choices: 2, bestOf: 5 }] });
  expect(read({ n: 2, best_of: 2, stream: true }).requests[0]).not.toHaveProperty('bestOf');
  for (const fields of [
    { n: 3, best_of: 2 },
    { best_of: 2, stream: true },
  ])
    expect(failure(() => read(fields))).toMatchObject({ code: 'invalid_request', details: { path: 'best_of' } });
});

test('a suffix goes to the model with every prompt, an empty one does not', () => {
  const inputs = read({ prompt: ['a', 'b'], suffix: 'end' }).requests.map(({ input }) => input);
  expect(inputs).toEqual(['a', 'b'].map((prompt) => ({ type: 'text', prompt, suffix: 'end' })));
  expect(read({ suffix: '' }).requests[0]?.input).toEqual({ type: 'text', prompt: 'once' });
});

test('adapters go to the model by name', () => {
  const lora = [{ name: 'tone', scale: 0.5 }, { name: 'style' }];
  expect(GenerateRequest.parse(read({ lora }).requests[0]).adapters).toEqual(lora);
  expect(read({ lora: [] }).requests[0]).not.toHaveProperty('adapters');
  expect(failure(() => read({ lora: [{ id: 0, scale: 1 }] }))).toMatchObject({ details: { path: 'lora[0].name' } });
});

test('echo goes to the model', () => {
  expect(read({ echo: true }).requests[0]?.input).toEqual({ type: 'text', prompt: 'once', echo: true });
});

describe('refused by name', () => {
  test.each<[object, string]>([
    [{ echo: true, logprobs: 0 }, 'logprobs'],
    [{ repetition_penalty: 1.1 }, 'repetition_penalty'],
  ])('%j', (fields, path) => {
    expect(failure(() => read(fields))).toMatchObject({ code: 'unsupported', details: { path } });
  });
});

test.each<[object, string]>([
  [{ prompt: undefined }, 'prompt'],
  [{ prompt: [] }, 'prompt'],
  [{ prompt: 5 }, 'prompt'],
  [{ prompt: [[]] }, 'prompt[0]'],
  [{ prompt: [-1] }, 'prompt[0]'],
  [{ prompt: Array.from({ length: 129 }, () => 'x') }, 'prompt'],
  [{ max_tokens: 0 }, 'max_tokens'],
  [{ logprobs: true }, 'logprobs'],
  [{ stream_options: {} }, 'stream_options'],
])('a wrong value names its field: case %#', (fields, path) => {
  expect(failure(() => read(fields))).toMatchObject({ code: 'invalid_request', details: { path } });
});

test('a limit of -1 is none, and what changes nothing is told', () => {
  const call = read({ max_tokens: -1, stream: true, stream_options: { continuous_usage_stats: true } });
  expect(call).not.toHaveProperty('defaultMaxTokens');
  expect(call.requests[0]).not.toHaveProperty('maxTokens');
  expect(call.warnings).toEqual([
    "'stream_options.continuous_usage_stats' changed nothing: tokens are counted at the end of an answer",
  ]);
});
