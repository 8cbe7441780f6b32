import { collect, type InferenceEvent } from '@golek/api';
import type OpenAI from 'openai';
import { expect, expectTypeOf, test } from 'vitest';
import { Completion, completion, CompletionChunk } from './completion.ts';
import { completionStream } from './completion-stream.ts';
import { eventsFrom } from './events.fixture.ts';
import { failure } from './failure.fixture.ts';

const identity = { id: 'r1', created: 1_700_000_000 };
const start: InferenceEvent = { type: 'start', model: 'tiny', provider: 'fake' };
const usage: InferenceEvent = { type: 'usage', usage: { promptTokens: 3, completionTokens: 2 } };
const head = 'data: {"id":"cmpl-r1","object":"text_completion","created":1700000000,"model":"tiny",';

const encode = (events: readonly InferenceEvent[], options: Parameters<typeof completionStream>[1]): string => {
  const encoder = completionStream(identity, options);
  return events.map((event) => encoder.encode(event)).join('') + encoder.end();
};

// A three-byte character in two tokens, an emoji of two UTF-16 units, a plain letter.
const token = (text: string, bytes: number[], logprob: number) => ({ id: bytes[0] ?? 0, text, bytes, logprob });
const partA = token('\ufffd', [0xe2, 0x82], -1);
const partB = token('\ufffd', [0xac], -2);
const emoji = token('😀', [0xf0, 0x9f, 0x98, 0x80], -3);
const letter = token('x', [120], -Infinity);
const withTokens: InferenceEvent[] = [
  start,
  { type: 'text', choice: 0, text: '', logprobs: [{ ...partA, top: [partA, partB] }] },
  { type: 'text', choice: 0, text: '€', logprobs: [{ ...partB, top: [partB] }] },
  {
    type: 'text',
    choice: 0,
    text: '😀x',
    logprobs: [
      { ...emoji, top: [emoji] },
      { ...letter, top: [letter] },
    ],
  },
  { type: 'finish', choice: 0, reason: 'length' },
  usage,
];

test('has the shape of the official type, but for top_logprobs that were not asked for', () => {
  type Known = Omit<Completion, 'choices' | 'warnings'>;
  expectTypeOf<Known>().toExtend<Omit<OpenAI.Completion, 'choices'>>();
  type Choice = Omit<Completion['choices'][number], 'logprobs'>;
  expectTypeOf<Choice>().toExtend<Omit<OpenAI.CompletionChoice, 'logprobs'>>();
});

test('the bytes of a stream', () => {
  const events: InferenceEvent[] = [
    start,
    { type: 'text', choice: 0, text: 'a"b' },
    { type: 'finish', choice: 0, reason: 'stop' },
    usage,
  ];
  expect(encode(events, { choices: 1, includeUsage: true })).toBe(
    [
      `${head}"choices":[{"index":0,"text":"a\\"b","logprobs":null,"finish_reason":null}],"usage":null}`,
      `${head}"choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}],"usage":null}`,
      `${head}"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`,
      'data: [DONE]',
      '',
    ].join('\n\n'),
  );
});

test('log-probabilities: names of partial characters, offsets in the text, the same in stream and unary', async () => {
  const expected = {
    tokens: ['bytes:\\xe2\\x82', 'bytes:\\xac', '😀', 'x'],
    token_logprobs: [-1, -2, -3, -9999],
    top_logprobs: [{ 'bytes:\\xe2\\x82': -1, 'bytes:\\xac': -2 }, { 'bytes:\\xac': -2 }, { '😀': -3 }, { x: -9999 }],
    text_offset: [0, 1, 1, 3],
  };
  const options = { choices: 1, includeUsage: false, topLogprobs: 2 };
  const unary = Completion.parse(completion(await collect(eventsFrom(withTokens)), identity, options));
  expect(unary.choices[0]).toEqual({ index: 0, text: '€😀x', finish_reason: 'length', logprobs: expected });

  const chunks = encode(withTokens, options)
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'))
    .map((event) => CompletionChunk.parse(JSON.parse(event.slice('data: '.length))));
  const logprobs = chunks.flatMap(({ choices }) => choices[0]?.logprobs ?? []);
  expect(logprobs.flatMap(({ tokens }) => tokens)).toEqual(expected.tokens);
  expect(logprobs.flatMap(({ text_offset }) => text_offset)).toEqual(expected.text_offset);
  expect(logprobs.flatMap(({ top_logprobs }) => top_logprobs)).toEqual(expected.top_logprobs);
  expect(chunks.map(({ choices }) => choices[0]?.text).join('')).toBe('€😀x');
});

test('without alternatives, top_logprobs is null; without log-probabilities, there are none', async () => {
  const result = await collect(eventsFrom(withTokens));
  const shown = (topLogprobs?: number) =>
    completion(result, identity, { choices: 1, includeUsage: false, ...(topLogprobs !== undefined && { topLogprobs }) })
      .choices[0]?.logprobs;
  expect(shown(0)).toMatchObject({ top_logprobs: null, token_logprobs: [-1, -2, -3, -9999] });
  expect(shown()).toBeNull();
});

test('what cannot end well throws', async () => {
  const options = { choices: 2, includeUsage: false };
  expect(failure(() => encode(withTokens, options)).code).toBe('provider_failed');
  const result = await collect(eventsFrom(withTokens));
  expect(failure(() => completion(result, identity, options)).code).toBe('provider_failed');
});
