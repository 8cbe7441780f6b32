import { collect, type InferenceEvent } from '@golek/api';
import type OpenAI from 'openai';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { ChatCompletion, chatCompletion } from './chat-completion.ts';
import { eventsFrom } from './events.fixture.ts';

const identity = { id: 'r1', created: 1_700_000_000 };
const plain = { choices: 1, includeUsage: false, showTier: false };
const start: InferenceEvent = { type: 'start', model: 'tiny', provider: 'fake' };
const usage: InferenceEvent = { type: 'usage', usage: { promptTokens: 3, completionTokens: 2, cachedPromptTokens: 1 } };

const answer = async (events: InferenceEvent[], options = plain): Promise<ChatCompletion> => {
  const result = chatCompletion(await collect(eventsFrom([start, ...events, usage])), identity, options);
  return ChatCompletion.parse(result);
};

test('has the shape of the official type', () => {
  expectTypeOf<ChatCompletion>().toExtend<OpenAI.ChatCompletion>();
});

test('text', async () => {
  const events: InferenceEvent[] = [
    { type: 'text', choice: 0, text: 'Hel' },
    { type: 'text', choice: 0, text: 'lo' },
    { type: 'finish', choice: 0, reason: 'stop' },
  ];
  expect(await answer(events)).toEqual({
    id: 'chatcmpl-r1',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: 'tiny',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'Hello', refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5, prompt_tokens_details: { cached_tokens: 1 } },
  });
});

test('reasoning, tool calls and warnings', async () => {
  const events: InferenceEvent[] = [
    { type: 'warning', message: 'slow' },
    { type: 'reasoning', choice: 0, text: 'hm' },
    { type: 'tool-call', choice: 0, index: 0, id: 'c1', name: 'f', arguments: '{"a"' },
    { type: 'tool-call', choice: 0, index: 0, arguments: ':1}' },
    { type: 'tool-call', choice: 0, index: 1, id: 'c2', name: 'g', arguments: '{}' },
    { type: 'finish', choice: 0, reason: 'tool-calls' },
  ];
  const { choices, warnings } = await answer(events);
  expect(warnings).toEqual(['slow']);
  expect(choices[0]).toEqual({
    index: 0,
    logprobs: null,
    finish_reason: 'tool_calls',
    message: {
      role: 'assistant',
      content: null,
      refusal: null,
      reasoning_content: 'hm',
      tool_calls: [
        { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
        { id: 'c2', type: 'function', function: { name: 'g', arguments: '{}' } },
      ],
    },
  });
});

test('log-probabilities; what cannot occur is −9999', async () => {
  const a = { id: 1, text: 'a', bytes: [97], logprob: -0.5 };
  const b = { id: 2, text: 'b', bytes: [98], logprob: -Infinity };
  const events: InferenceEvent[] = [
    { type: 'text', choice: 0, text: 'a', logprobs: [{ ...a, top: [a, b] }] },
    { type: 'finish', choice: 0, reason: 'length' },
  ];
  const wire = (token: typeof a) => ({ token: token.text, bytes: token.bytes, logprob: token.logprob });
  expect((await answer(events)).choices[0]).toMatchObject({
    finish_reason: 'length',
    logprobs: { content: [{ ...wire(a), top_logprobs: [wire(a), { ...wire(b), logprob: -9999 }] }], refusal: null },
  });
});

describe('options', () => {
  const events: InferenceEvent[] = [
    { type: 'text', choice: 1, text: 'two' },
    { type: 'finish', choice: 0, reason: 'content-filter' },
    { type: 'finish', choice: 1, reason: 'stop' },
  ];
  test('several answers, tier and metadata', async () => {
    const options = { ...plain, choices: 2, showTier: true, metadata: { k: 'v' } };
    expect(await answer(events, options)).toMatchObject({
      service_tier: 'default',
      metadata: { k: 'v' },
      choices: [
        { index: 0, message: { content: '' }, finish_reason: 'content_filter' },
        { index: 1, message: { content: 'two' }, finish_reason: 'stop' },
      ],
    });
  });
  test('a missing answer is a failure', async () => {
    await expect(answer(events, { ...plain, choices: 3 })).rejects.toMatchObject({ code: 'provider_failed' });
    await expect(answer([])).rejects.toMatchObject({ code: 'provider_failed' });
  });
});
