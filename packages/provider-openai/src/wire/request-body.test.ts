import type OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { DIALECTS } from '../dialect.ts';
import { chat, complete } from '../upstream.fixture.ts';
import { embedBody, generateBody, type WireSettings } from './request-body.ts';

const settings: WireSettings = {
  dialect: DIALECTS.openai,
  stream: true,
  streamUsage: true,
  forwardUser: false,
  extra: {},
};

const bodyOf = (...[request, more]: [Parameters<typeof generateBody>[0], Partial<WireSettings>?]): unknown =>
  JSON.parse(generateBody(request, 'gpt', { ...settings, ...more }).body);

const weather = { name: 'weather', description: 'Tells it.', parameters: { type: 'object' }, strict: true };

describe('the body of a chat', () => {
  it('has every option under its name on the wire', () => {
    const expected: OpenAI.ChatCompletionCreateParamsStreaming = {
      model: 'gpt',
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
            { type: 'image_url', image_url: { url: 'https://example.org/a.png' } },
          ],
        },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'c1', type: 'function', function: { name: 'weather', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 'c1', content: 'rain' },
      ],
      tools: [{ type: 'function', function: weather }],
      tool_choice: { type: 'function', function: { name: 'weather' } },
      parallel_tool_calls: false,
      temperature: 0.5,
      top_p: 0.9,
      seed: 7,
      frequency_penalty: 1,
      presence_penalty: -1,
      logit_bias: { '5': 1 },
      max_tokens: 9,
      stop: ['\n'],
      n: 2,
      logprobs: true,
      top_logprobs: 3,
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'a_person', schema: { type: 'object' }, strict: true },
      },
      stream: true,
      stream_options: { include_usage: true },
    };
    const text = (content: string) => [{ type: 'text', text: content }] as const;
    const request = chat('', {
      input: {
        type: 'chat',
        messages: [
          { role: 'system', content: [...text('Be '), ...text('brief.')] },
          {
            role: 'user',
            content: [
              ...text('What is this?'),
              { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AA==' } },
              { type: 'image', source: { kind: 'url', url: 'https://example.org/a.png' } },
            ],
          },
          {
            role: 'assistant',
            content: [],
            reasoning: 'kept here',
            toolCalls: [{ id: 'c1', name: 'weather', arguments: '{}' }],
          },
          { role: 'tool', toolCallId: 'c1', content: [...text('rain')] },
        ],
        tools: [weather],
        toolChoice: { type: 'tool', name: 'weather' },
        parallelToolCalls: false,
      },
      sampling: {
        temperature: 0.5,
        topP: 0.9,
        topK: 0,
        seed: 7,
        frequencyPenalty: 1,
        presencePenalty: -1,
        logitBias: { '5': 1 },
      },
      output: { type: 'json-schema', name: 'a person', schema: { type: 'object' } },
      maxTokens: 9,
      stop: ['\n'],
      choices: 2,
      logprobs: { top: 3 },
      user: 'somebody',
    });
    expect(bodyOf(request)).toEqual(expected);
    expect(generateBody(request, 'gpt', settings).path).toBe('/chat/completions');
  });

  it('has nothing that was not asked for', () => {
    expect(bodyOf(chat('hi'))).toEqual({
      model: 'gpt',
      messages: [{ role: 'user', content: 'hi' }],
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(bodyOf(chat('hi', { output: { type: 'json' } }), { stream: false })).toEqual({
      model: 'gpt',
      messages: [{ role: 'user', content: 'hi' }],
      response_format: { type: 'json_object' },
    });
    expect(bodyOf(chat('hi'), { streamUsage: false })).not.toHaveProperty('stream_options');
  });

  it('follows the dialect, the user setting and the extra fields', () => {
    const request = chat('hi', {
      maxTokens: 5,
      user: 'somebody',
      sampling: { topK: 4, minP: 0.1, repeatPenalty: 1.2 },
      output: { type: 'grammar', grammar: 'root ::= "a"' },
    });
    expect(bodyOf(request, { dialect: DIALECTS['llama-cpp'], forwardUser: true })).toMatchObject({
      max_tokens: 5,
      user: 'somebody',
      top_k: 4,
      min_p: 0.1,
      repeat_penalty: 1.2,
      grammar: 'root ::= "a"',
    });
    expect(bodyOf(request, { dialect: DIALECTS.vllm })).toMatchObject({ top_k: 4, repetition_penalty: 1.2 });
    expect(bodyOf(request, { dialect: DIALECTS['openai-platform'] })).toMatchObject({ max_completion_tokens: 5 });
    expect(bodyOf(chat('hi'), { extra: { reasoning_effort: 'low', stream_options: {} } })).toMatchObject({
      reasoning_effort: 'low',
      stream_options: {},
    });
  });
});

describe('what only some services have', () => {
  const request = chat('hi', {
    input: {
      type: 'chat',
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
      reasoning: { effort: 'low' },
      templateOptions: { enable_thinking: false },
    },
    sampling: {
      repeatLastTokens: 32,
      xtc: { probability: 0.5, threshold: 0.1 },
      dry: { multiplier: 0.8, lastTokens: 9, sequenceBreakers: ['x'] },
    },
    ignoreEos: true,
    stopTokens: [4],
  });
  const plain = bodyOf(chat('hi')) as object;

  it.each([
    ['openai', {}],
    ['openai-platform', { reasoning_effort: 'low' }],
    ['vllm', { ignore_eos: true, stop_token_ids: [4], chat_template_kwargs: { enable_thinking: false } }],
    [
      'llama-cpp',
      {
        ignore_eos: true,
        chat_template_kwargs: { enable_thinking: false },
        repeat_last_n: 32,
        xtc_probability: 0.5,
        xtc_threshold: 0.1,
        dry_multiplier: 0.8,
        dry_penalty_last_n: 9,
        dry_sequence_breakers: ['x'],
      },
    ],
  ] as const)('goes to %s under its names', (name, fields) => {
    expect(bodyOf(request, { dialect: DIALECTS[name] })).toEqual({ ...plain, ...fields });
  });
});

describe('other bodies', () => {
  it('continue text or tokens', () => {
    const expected: OpenAI.CompletionCreateParamsStreaming = {
      model: 'gpt',
      prompt: 'Once',
      echo: true,
      max_tokens: 3,
      logprobs: 2,
      stream: true,
      stream_options: { include_usage: true },
    };
    const request = complete('Once', { maxTokens: 3, logprobs: { top: 2 } });
    const echoed = { ...request, input: { type: 'text' as const, prompt: 'Once', echo: true } };
    expect(bodyOf(echoed)).toEqual(expected);
    expect(generateBody(echoed, 'gpt', settings).path).toBe('/completions');
    expect(bodyOf({ ...request, input: { type: 'text', prompt: [1, 2] } })).toMatchObject({ prompt: [1, 2] });
  });

  it('embed', () => {
    const expected: OpenAI.EmbeddingCreateParams = {
      model: 'gpt',
      input: ['a', 'b'],
      encoding_format: 'float',
      dimensions: 8,
    };
    const wire = embedBody({ task: 'embed', model: 'm', inputs: ['a', 'b'], dimensions: 8 }, 'gpt', settings);
    expect([wire.path, JSON.parse(wire.body)]).toEqual(['/embeddings', expected]);
  });
});
