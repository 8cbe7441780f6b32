import type { GenerateRequest } from '@golek/api';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createOpenAiProvider, type DialectName, type OpenAiModelOptions } from './index.ts';
import { bench, chat, complete, failureOf } from './upstream.fixture.ts';
import { FAULTS } from '@golek/faulty-upstream';

const open = async (options: object, dialect: DialectName = 'openai') => {
  const provider = createOpenAiProvider({ baseUrl: 'https://api.example.org/v1', dialect });
  onTestFinished(() => provider[Symbol.asyncDispose]());
  return provider.open(
    { name: 'm', location: 'gpt', options: { ...options } },
    { signal: new AbortController().signal },
  );
};

describe("the option 'api'", () => {
  it.each<readonly [OpenAiModelOptions | object, DialectName, string]>([
    [{ api: 'assistants' }, 'openai', "'api' must be one of chat, responses"],
    [{ api: 'responses' }, 'azure', "the dialect 'azure' has none that is known"],
    [{ api: 'responses' }, 'mistral', "the dialect 'mistral' has none that is known"],
    [{ api: 'responses', tasks: ['embed'] }, 'openai', "'tasks' has no 'generate'"],
    [
      { api: 'responses', options: ['input.chat', 'stop'] },
      'openai',
      "'options' has 'stop', for which the Responses API",
    ],
  ])('%j of %s is refused where it makes no sense', async (options, dialect, words) => {
    const error = await failureOf(open(options, dialect));
    expect([error.code, error.message]).toEqual(['config_invalid', expect.stringContaining(words)]);
    expect(error.message).toContain(words.includes('must be') ? "options of the model 'm'" : 'out');
  });

  it('says what the model takes', async () => {
    const { manifest } = await open({ api: 'responses' });
    expect(manifest.options).toEqual(expect.arrayContaining(['input.chat', 'reasoning.effort', 'logprobs']));
    expect(manifest.options).not.toContain('dimensions');
    expect((await open({ api: 'responses', tasks: ['generate', 'embed'] })).manifest.options).toContain('dimensions');
    expect((await open({ api: 'responses' }, 'lm-studio')).manifest.options).not.toContain('logprobs');
    expect((await open({ api: 'responses', options: ['input.chat'] })).manifest.options).toEqual(['input.chat']);
  });
});

const REFUSED: Readonly<Record<string, GenerateRequest>> = {
  'input.text': complete('hi'),
  'input.tokens': { ...complete(''), input: { type: 'text', prompt: [1] } },
  stop: chat('hi', { stop: ['x'] }),
  stopTokens: chat('hi', { stopTokens: [1] }),
  choices: chat('hi', { choices: 2 }),
  bestOf: chat('hi', { bestOf: 2 }),
  ignoreEos: chat('hi', { ignoreEos: true }),
  'output.grammar': chat('hi', { output: { type: 'grammar', grammar: 'root ::= "a"' } }),
  'sampling.topK': chat('hi', { sampling: { topK: 3 } }),
  'sampling.minP': chat('hi', { sampling: { minP: 0.1 } }),
  'sampling.seed': chat('hi', { sampling: { seed: 1 } }),
  'sampling.frequencyPenalty': chat('hi', { sampling: { frequencyPenalty: 1 } }),
  'sampling.presencePenalty': chat('hi', { sampling: { presencePenalty: 1 } }),
  'sampling.repeatPenalty': chat('hi', { sampling: { repeatPenalty: 1.1 } }),
  'sampling.logitBias': chat('hi', { sampling: { logitBias: { '1': 1 } } }),
};

it.each(Object.entries(REFUSED))('%s is refused by name, before anything is sent', async (option, request) => {
  const { ask, upstream } = await bench({ dialect: 'llama-cpp' }, FAULTS, 'responses');
  const error = await failureOf(ask('ok', request));
  expect(error).toMatchObject({ code: 'unsupported', details: { option } });
  expect(upstream.count).toBe(0);
});

it('embeds beside answering', async () => {
  const { ask, upstream } = await bench({}, FAULTS, 'responses');
  await ask('ok', { task: 'embed', model: 'm', inputs: ['a'] });
  await ask('ok');
  expect(upstream.calls.map(({ path }) => path)).toEqual(['/v1/embeddings', '/v1/responses']);
});
