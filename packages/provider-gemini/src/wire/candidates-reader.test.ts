import type { InferenceEvent } from '@golek/api';
import { describe, expect, it } from 'vitest';
import { CandidatesReader } from './candidates-reader.ts';

const context = { upstream: 'vendor', host: 'api.example.org', model: 'm', redact: (text: string) => text };

const read = (choices: number, ...chunks: readonly unknown[]): InferenceEvent[] => {
  const reader = new CandidatesReader(choices, 'r1', context);
  const events: InferenceEvent[] = [];
  for (const chunk of chunks) reader.read(JSON.stringify(chunk), events);
  reader.end(events);
  return events;
};

const whole = (answer: unknown): InferenceEvent[] => {
  const reader = new CandidatesReader(1, 'r1', context);
  const events: InferenceEvent[] = [];
  reader.readWhole(JSON.stringify(answer), events);
  reader.end(events);
  return events;
};

const chunk = (parts: readonly object[], rest: object = {}, usageMetadata?: object): object => ({
  candidates: [{ content: { parts, role: 'model' }, index: 0, ...rest }],
  ...(usageMetadata && { usageMetadata }),
  modelVersion: 'gemini-x',
  responseId: 'abc',
});

const failed = (code = 'provider_failed'): Error => expect.objectContaining({ code }) as Error;

describe('answers as services send them', () => {
  it('thoughts, text, parallel calls of which the first is signed, and the last counts', () => {
    const events = read(
      1,
      chunk([{ text: '**Planning**', thought: true }], {}, { promptTokenCount: 10, thoughtsTokenCount: 3 }),
      chunk([{ text: 'Let me ' }]),
      chunk([{ text: 'see.' }]),
      chunk([
        { functionCall: { name: 'f', args: { a: 1 }, id: 'x1' }, thoughtSignature: 'c2ln' },
        { functionCall: { name: 'g' } },
      ]),
      chunk(
        [{ text: '', thoughtSignature: 'ZW5k' }],
        { finishReason: 'STOP' },
        {
          promptTokenCount: 10,
          candidatesTokenCount: 20,
          thoughtsTokenCount: 7,
          cachedContentTokenCount: 4,
          toolUsePromptTokenCount: 5,
          totalTokenCount: 42,
        },
      ),
    );
    expect(events).toEqual([
      { type: 'reasoning', choice: 0, text: '**Planning**' },
      { type: 'text', choice: 0, text: 'Let me ' },
      { type: 'text', choice: 0, text: 'see.' },
      { type: 'reasoning', choice: 0, text: '', signature: 'gemini:0:c2ln' },
      { type: 'tool-call', choice: 0, index: 0, id: 'x1', name: 'f', arguments: '{"a":1}' },
      { type: 'tool-call', choice: 0, index: 1, id: 'call_r1_0_1', name: 'g', arguments: '{}' },
      { type: 'reasoning', choice: 0, text: '', signature: 'gemini:end:ZW5k' },
      { type: 'finish', choice: 0, reason: 'tool-calls' },
      {
        type: 'usage',
        usage: { promptTokens: 15, completionTokens: 27, reasoningTokens: 7, cachedPromptTokens: 4 },
      },
    ]);
  });

  it('several choices, each with its own end', () => {
    const candidate = (index: number, text: string, rest: object = {}): object => ({
      index,
      content: { parts: [{ text }] },
      ...rest,
    });
    const events = read(
      2,
      { candidates: [candidate(0, 'a'), candidate(1, 'b')] },
      { candidates: [candidate(1, 'c', { finishReason: 'MAX_TOKENS' })] },
      { candidates: [candidate(0, 'd', { finishReason: 'STOP' }), candidate(1, 'more')] },
    );
    expect(events).toEqual([
      { type: 'text', choice: 0, text: 'a' },
      { type: 'text', choice: 1, text: 'b' },
      { type: 'text', choice: 1, text: 'c' },
      { type: 'finish', choice: 1, reason: 'length' },
      { type: 'text', choice: 0, text: 'd' },
      { type: 'finish', choice: 0, reason: 'stop' },
    ]);
    expect(() => read(2, { candidates: [candidate(0, 'a', { finishReason: 'STOP' })] })).toThrow(
      'it ended after 1 of 2 finish reasons',
    );
  });

  it('log-probabilities with the text of their chunk', () => {
    const token = (text: string, tokenId: number, logProbability?: number): object => ({
      token: text,
      tokenId,
      logProbability,
    });
    const logprobsResult = {
      chosenCandidates: [token('a', 1, -0.5), token('é', 2)],
      topCandidates: [{ candidates: [token('a', 1, -0.5), token('b', 3, -1)] }, { candidates: [] }],
    };
    const [, event, last] = read(
      1,
      chunk([{ text: 'Hm', thought: true }, { text: 'aé' }], { logprobsResult }),
      chunk([], { logprobsResult: { chosenCandidates: [token('!', 4, -2)] }, finishReason: 'STOP' }),
    );
    expect(event).toEqual({
      type: 'text',
      choice: 0,
      text: 'aé',
      logprobs: [
        {
          id: 1,
          text: 'a',
          bytes: [97],
          logprob: -0.5,
          top: [
            { id: 1, text: 'a', bytes: [97], logprob: -0.5 },
            { id: 3, text: 'b', bytes: [98], logprob: -1 },
          ],
        },
        { id: 2, text: 'é', bytes: [195, 169], logprob: 0, top: [] },
      ],
    });
    expect(last).toMatchObject({ type: 'text', text: '', logprobs: [{ text: '!' }] });
  });

  it('parts and fields that have no place are told, each once', () => {
    const code = { executableCode: { language: 'PYTHON', code: '1' } };
    const image = { inlineData: { mimeType: 'image/png', data: 'AA==' } };
    const events = read(
      1,
      chunk([code, code, image, { text: 'One.' }]),
      chunk([], { groundingMetadata: {}, finishReason: 'STOP' }),
    );
    expect(events).toEqual([
      { type: 'warning', message: "parts of the kind 'executableCode' are left out of the answer" },
      { type: 'warning', message: "parts of the kind 'inlineData' are left out of the answer" },
      { type: 'text', choice: 0, text: 'One.' },
      { type: 'warning', message: "'groundingMetadata' is left out of the answer" },
      { type: 'finish', choice: 0, reason: 'stop' },
    ]);
  });

  it('a list of chunks in place of a stream', () => {
    const events = whole([chunk([{ text: 'a' }]), chunk([{ text: 'b' }], { finishReason: 'STOP' })]);
    expect(events.map(({ type }) => type)).toEqual(['text', 'text', 'finish']);
  });

  it.each([
    ['STOP', 'stop', 0],
    ['MAX_TOKENS', 'length', 0],
    ['CONTINUATION', 'length', 1],
    ['SAFETY', 'content-filter', 0],
    ['RECITATION', 'content-filter', 1],
    ['LANGUAGE', 'content-filter', 1],
    ['BLOCKLIST', 'content-filter', 1],
    ['PROHIBITED_CONTENT', 'content-filter', 1],
    ['SPII', 'content-filter', 1],
    ['IMAGE_SAFETY', 'content-filter', 1],
    ['IMAGE_PROHIBITED_CONTENT', 'content-filter', 1],
    ['IMAGE_RECITATION', 'content-filter', 1],
  ])('the end %s is %s', (finishReason, reason, warnings) => {
    const events = whole(chunk([], { finishReason, finishMessage: 'because' }));
    expect(events).toHaveLength(1 + warnings);
    expect(events.at(-1)).toEqual({ type: 'finish', choice: 0, reason });
    if (warnings > 0) {
      expect(events[0]).toEqual({
        type: 'warning',
        message: `upstream ended the answer with '${finishReason}': because`,
      });
    }
  });

  it.each([
    'MALFORMED_FUNCTION_CALL',
    'MALFORMED_RESPONSE',
    'MISSING_THOUGHT_SIGNATURE',
    'UNEXPECTED_TOOL_CALL',
    'TOO_MANY_TOOL_CALLS',
    'NO_IMAGE',
    'IMAGE_OTHER',
    'OTHER',
  ])('the end %s is a failure', (finishReason) => {
    expect(() => whole(chunk([{ text: 'a' }], { finishReason }))).toThrow(failed());
    expect(() => whole(chunk([{ text: 'a' }], { finishReason }))).toThrow(`ended with '${finishReason}'`);
  });

  it('an end that nobody knows is one where something was said', () => {
    expect(whole(chunk([{ text: 'a' }], { finishReason: 'BORED' })).slice(1)).toEqual([
      { type: 'warning', message: "upstream ended the answer with 'BORED'" },
      { type: 'finish', choice: 0, reason: 'stop' },
    ]);
    expect(() => whole(chunk([], { finishReason: 'BORED' }))).toThrow(failed());
  });

  it.each(['SAFETY', 'OTHER', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'IMAGE_SAFETY'])(
    'a prompt that is blocked for %s is filtered, never an empty success',
    (blockReason) => {
      const answer = { promptFeedback: { blockReason }, usageMetadata: { promptTokenCount: 3 } };
      const events: InferenceEvent[] = [
        { type: 'warning', message: `upstream does not answer this prompt: '${blockReason}'` },
        { type: 'finish', choice: 0, reason: 'content-filter' },
        { type: 'usage', usage: { promptTokens: 3, completionTokens: 0 } },
      ];
      expect(whole(answer)).toEqual(events);
      expect(read(1, answer)).toEqual(events);
      expect(read(2, answer).filter(({ type }) => type === 'finish')).toHaveLength(2);
    },
  );
});

describe('what is no answer', () => {
  it.each([
    ['a list', [1]],
    ['an object of something else', { message: 'hi' }],
    ['a candidate that is none', { candidates: ['a'] }],
    ['a candidate that was not asked for', { candidates: [{ index: 1 }] }],
    ['a huge index', { candidates: [{ index: 1_000_000_000 }] }],
    ['a part that is none', chunk([1 as unknown as object], { finishReason: 'STOP' })],
    ['a call without a name', chunk([{ functionCall: { args: {} } }], { finishReason: 'STOP' })],
    ['no end', chunk([{ text: 'a' }])],
    ['no candidate', { candidates: [], usageMetadata: { promptTokenCount: 1 } }],
    ['feedback that blocks nothing', { promptFeedback: { safetyRatings: [] } }],
  ])('%s fails', (_, record) => {
    expect(() => read(1, record)).toThrow(failed());
    expect(() => whole(record)).toThrow(failed());
  });

  it.each([
    [{ code: 503, status: 'UNAVAILABLE' }, 'overloaded'],
    [{ code: 429, status: 'RESOURCE_EXHAUSTED' }, 'rate_limited'],
    [{ code: 403, status: 'PERMISSION_DENIED' }, 'provider_denied'],
    [{ code: 500, status: 'INTERNAL' }, 'provider_failed'],
  ])('a reported %j is %s', (error, code) => {
    expect(() => read(1, { error })).toThrow(failed(code));
    expect(() => whole({ error })).toThrow(failed(code));
    expect(() => whole([{ error }])).toThrow(failed(code));
  });
});
