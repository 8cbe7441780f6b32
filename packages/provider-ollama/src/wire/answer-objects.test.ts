import type { GenerateRequest, InferenceEvent } from '@golek/api';
import { describe, expect, it } from 'vitest';
import { chat } from '../requests.fixture.ts';
import { AnswerObjects } from './answer-objects.ts';

const failures = { upstream: 'up', host: 'h', model: 'm', redact: (text: string) => text };

const read = (records: readonly unknown[], request: GenerateRequest = chat('hi')): InferenceEvent[] => {
  const reader = new AnswerObjects(request, 'r1', failures);
  const events: InferenceEvent[] = [];
  for (const record of records) {
    if (reader.read(typeof record === 'string' ? record : JSON.stringify(record), events)) break;
  }
  reader.end(events);
  return events;
};

const DONE = { message: { role: 'assistant', content: '' }, done: true, done_reason: 'stop' };

describe('the objects of an answer', () => {
  it('are text, thinking, calls and statistics', () => {
    expect(
      read([
        { message: { content: '', thinking: 'hm' }, done: false },
        '',
        { message: { content: 'Hi' }, done: false },
        '{"message":{"content":"","tool_calls":[{"function":{"name":"f","arguments":{"id":12345678901234567890,"a":1.50}}}]},"done":false}',
        { message: { content: '', tool_calls: [{ id: 'own', function: { name: 'g' } }] }, done: false },
        {
          ...DONE,
          total_duration: 9e9,
          load_duration: 1e9,
          prompt_eval_count: 3,
          prompt_eval_duration: 2_500_000,
          eval_count: 4,
          eval_duration: 8e6,
          warnings: ['odd'],
        },
      ]),
    ).toEqual([
      { type: 'reasoning', choice: 0, text: 'hm' },
      { type: 'text', choice: 0, text: 'Hi' },
      {
        type: 'tool-call',
        choice: 0,
        index: 0,
        id: 'call_r1_0_0',
        name: 'f',
        arguments: '{"id":12345678901234567890,"a":1.5}',
      },
      { type: 'tool-call', choice: 0, index: 1, id: 'own', name: 'g', arguments: '{}' },
      { type: 'warning', message: 'odd' },
      { type: 'finish', choice: 0, reason: 'tool-calls' },
      {
        type: 'usage',
        usage: { promptTokens: 3, completionTokens: 4, timings: { prefillMs: 2.5, decodeMs: 8 } },
      },
    ]);
  });

  it('of a text prompt have it as response', () => {
    expect(
      read([
        { response: 'a', thinking: 'b', done: false },
        { response: '', done: true },
      ]),
    ).toEqual([
      { type: 'reasoning', choice: 0, text: 'b' },
      { type: 'text', choice: 0, text: 'a' },
      { type: 'finish', choice: 0, reason: 'stop' },
    ]);
  });

  it('may tell no usage, an unknown reason, no log-probabilities', () => {
    const request = chat('hi', { logprobs: { top: 1 } });
    expect(
      read(
        [
          { message: { content: 'a' }, done: false },
          { ...DONE, done_reason: 'bored' },
        ],
        request,
      ),
    ).toEqual([
      { type: 'text', choice: 0, text: 'a' },
      { type: 'warning', message: "upstream ended the answer with 'bored'" },
      { type: 'finish', choice: 0, reason: 'stop' },
      { type: 'warning', message: expect.stringContaining('no log-probabilities') },
    ]);
    const token = { token: 'é', logprob: -0.5, top_logprobs: [{ token: 'e', logprob: -1, bytes: [101] }] };
    expect(read([{ message: { content: 'é' }, logprobs: [token], done: false }, DONE], request)[0]).toEqual({
      type: 'text',
      choice: 0,
      text: 'é',
      logprobs: [{ text: 'é', bytes: [0xc3, 0xa9], logprob: -0.5, top: [{ text: 'e', bytes: [101], logprob: -1 }] }],
    });
  });

  it.each([
    ['a cut answer', [{ message: { content: 'a' }, done: false }], "before the object that says 'done'"],
    ['nothing', [], "before the object that says 'done'"],
    ['an error', [{ error: 'out of memory' }], 'reported an error in its answer: out of memory'],
    ['an answer to nothing', [{ ...DONE, done_reason: 'load' }], "an answer to an empty prompt ('load')"],
    ['broken JSON', ['{"message":{"content":"bro'], 'broken JSON'],
    ['something else', [[1, 2]], "JSON without 'done'"],
    ['a call without a name', [{ message: { tool_calls: [{}] }, done: false }], 'a tool call without a name'],
    [
      'a call with arguments as text',
      [{ message: { tool_calls: [{ function: { name: 'f', arguments: '{}' } }] }, done: false }],
      'arguments are no object',
    ],
  ])('%s is a failure', (_name, records, words) => {
    expect(() => read(records)).toThrow(
      expect.objectContaining({ code: 'provider_failed', message: expect.stringContaining(words) }),
    );
  });

  it('keep the code of an error of another Golek', () => {
    const error = { error: 'too long', code: 'context_length_exceeded' };
    expect(() => read([error])).toThrow(expect.objectContaining({ code: 'context_length_exceeded' }));
  });
});
