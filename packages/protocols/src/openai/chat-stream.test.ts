import type { InferenceEvent } from '@golek/api';
import type OpenAI from 'openai';
import { describe, expect, expectTypeOf, test } from 'vitest';
import type { z } from 'zod';
import { ChatCompletionChunk, chatStream } from './chat-stream.ts';
import { failure } from './failure.fixture.ts';

const identity = { id: 'r1', created: 1_700_000_000 };
const plain = { choices: 1, includeUsage: false, showTier: false };
const start: InferenceEvent = { type: 'start', model: 'tiny', provider: 'fake' };
const usage: InferenceEvent = { type: 'usage', usage: { promptTokens: 3, completionTokens: 2 } };

const encode = (events: readonly InferenceEvent[], options = plain): string => {
  const encoder = chatStream(identity, options);
  return events.map((event) => encoder.encode(event)).join('') + encoder.end();
};

const chunksOf = (sse: string): z.infer<typeof ChatCompletionChunk>[] =>
  sse
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'))
    .map((event) => ChatCompletionChunk.parse(JSON.parse(event.slice('data: '.length))));

const head = 'data: {"id":"chatcmpl-r1","object":"chat.completion.chunk","created":1700000000,"model":"tiny",';

test('has the shape of the official type', () => {
  expectTypeOf<z.infer<typeof ChatCompletionChunk>>().toExtend<OpenAI.ChatCompletionChunk>();
});

test('the bytes of a stream of text', () => {
  const sse = encode([
    start,
    { type: 'text', choice: 0, text: 'Hello' },
    { type: 'text', choice: 0, text: ' "wörld"\n\u2028\ud83d' },
    { type: 'finish', choice: 0, reason: 'stop' },
    usage,
  ]);
  expect(sse).toBe(
    [
      `${head}"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]}`,
      `${head}"choices":[{"index":0,"delta":{"content":"Hello"},"logprobs":null,"finish_reason":null}]}`,
      `${head}"choices":[{"index":0,"delta":{"content":" \\"wörld\\"\\n\u2028\\ud83d"},"logprobs":null,"finish_reason":null}]}`,
      `${head}"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}`,
      'data: [DONE]',
      '',
    ].join('\n\n'),
  );
});

test('the bytes with usage and tier: null on every chunk, then a chunk without choices', () => {
  const sse = encode(
    [start, { type: 'text', choice: 0, text: 'x' }, { type: 'finish', choice: 0, reason: 'length' }, usage],
    { ...plain, includeUsage: true, showTier: true },
  );
  const tier = `${head}"service_tier":"default",`;
  expect(sse).toBe(
    [
      `${tier}"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}`,
      `${tier}"choices":[{"index":0,"delta":{"content":"x"},"logprobs":null,"finish_reason":null}],"usage":null}`,
      `${tier}"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}],"usage":null}`,
      `${tier}"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`,
      'data: [DONE]',
      '',
    ].join('\n\n'),
  );
});

test('tool calls: id, type and name with the first piece, pieces of arguments after it', () => {
  const chunks = chunksOf(
    encode([
      start,
      { type: 'tool-call', choice: 0, index: 0, id: 'c1', name: 'f', arguments: '' },
      { type: 'tool-call', choice: 0, index: 0, arguments: '{"a":' },
      { type: 'tool-call', choice: 0, index: 0, arguments: '1}' },
      { type: 'tool-call', choice: 0, index: 1, id: 'c2', name: 'g"', arguments: '{}' },
      { type: 'finish', choice: 0, reason: 'tool-calls' },
    ]),
  );
  expect(chunks.map(({ choices }) => choices[0]?.delta)).toEqual([
    { role: 'assistant', content: null, refusal: null },
    { tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'f', arguments: '' } }] },
    { tool_calls: [{ index: 0, function: { arguments: '{"a":' } }] },
    { tool_calls: [{ index: 0, function: { arguments: '1}' } }] },
    { tool_calls: [{ index: 1, id: 'c2', type: 'function', function: { name: 'g"', arguments: '{}' } }] },
    {},
  ]);
  expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('tool_calls');
});

test('reasoning, log-probabilities, several answers', () => {
  const token = { id: 1, text: 'b', bytes: [98], logprob: -0.25 };
  const chunks = chunksOf(
    encode(
      [
        start,
        { type: 'reasoning', choice: 1, text: 'hm' },
        { type: 'text', choice: 0, text: 'a' },
        { type: 'text', choice: 1, text: 'b', logprobs: [{ ...token, top: [token] }] },
        { type: 'finish', choice: 1, reason: 'stop' },
        { type: 'finish', choice: 0, reason: 'stop' },
      ],
      { ...plain, choices: 2 },
    ),
  );
  const wire = { token: 'b', bytes: [98], logprob: -0.25 };
  expect(chunks.map(({ choices: [choice] }) => [choice?.index, choice?.delta, choice?.logprobs])).toEqual([
    [1, { role: 'assistant', content: null, refusal: null }, null],
    [1, { reasoning_content: 'hm' }, null],
    [0, { role: 'assistant', content: '', refusal: null }, null],
    [0, { content: 'a' }, null],
    [1, { content: 'b' }, { content: [{ ...wire, top_logprobs: [wire] }], refusal: null }],
    [1, {}, null],
    [0, {}, null],
  ]);
});

test('text that is empty is sent only with its log-probabilities', () => {
  const token = { id: 1, text: '\ufffd', bytes: [0xe2], logprob: -1, top: [] };
  const encoder = chatStream(identity, plain);
  encoder.encode(start);
  expect(encoder.encode({ type: 'text', choice: 0, text: '' })).toBe('');
  expect(encoder.encode({ type: 'text', choice: 0, text: '', logprobs: [token] })).toContain('"bytes":[226]');
});

test('a warning is a comment on one line', () => {
  const encoder = chatStream(identity, plain);
  expect(encoder.encode({ type: 'warning', message: 'a\r\n\ndata: b' })).toBe(': warning: a data: b\n\n');
});

describe('what cannot end well throws', () => {
  const text: InferenceEvent = { type: 'text', choice: 0, text: 'x' };
  const finish: InferenceEvent = { type: 'finish', choice: 0, reason: 'stop' };
  test('no end of an answer', () => {
    expect(failure(() => encode([start, text])).code).toBe('provider_failed');
    expect(failure(() => encode([start, text, finish], { ...plain, choices: 2 })).code).toBe('provider_failed');
  });
  test('no token counts', () => {
    const error = failure(() => encode([start, text, finish], { ...plain, includeUsage: true }));
    expect(error.code).toBe('provider_failed');
  });
  test('an error event', () => {
    const data = { code: 'engine_crashed' as const, message: 'gone', status: 503, retryable: true, action: '' };
    expect(failure(() => encode([start, { type: 'error', error: data }])).code).toBe('engine_crashed');
  });
});
