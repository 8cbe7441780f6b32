import { GolekError, type InferenceEvent } from '@golek/api';
import { describe, expect, test } from 'vitest';
import { CHAT_FORM, ChatAnswer, GENERATE_FORM, GenerateAnswer } from './answer-form.ts';
import { ollamaStream } from './answer-stream.ts';

const clock = { now: () => '2026-11-23T02:00:00.000Z', elapsedMs: () => 2.5, loadMs: () => undefined };
const START: InferenceEvent = { type: 'start', model: 'm"1', provider: 'p' };
const FINISH: InferenceEvent = { type: 'finish', choice: 0, reason: 'stop' };

const lines = (events: readonly InferenceEvent[], form = CHAT_FORM): unknown[] => {
  const encoder = ollamaStream(form, clock, { warnings: ['asked'] });
  const text = events.map((event) => encoder.encode(event)).join('') + encoder.end();
  expect(text.endsWith('\n')).toBe(true);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
};

describe('the lines of an answer', () => {
  test('keep to the documented form', () => {
    const events: InferenceEvent[] = [
      START,
      { type: 'reasoning', choice: 0, text: 'hm' },
      { type: 'text', choice: 0, text: 'a\nb' },
      {
        type: 'text',
        choice: 0,
        text: 'c',
        logprobs: [{ id: 1, text: 'c', bytes: [99], logprob: -Infinity, top: [] }],
      },
      { type: 'warning', message: 'odd' },
      FINISH,
      { type: 'usage', usage: { promptTokens: 1, completionTokens: 2, timings: { prefillMs: 0.5, decodeMs: 1 } } },
    ];
    const chat = lines(events);
    for (const line of chat) expect(ChatAnswer.parse(line)).toEqual(line);
    for (const line of lines(events, GENERATE_FORM)) expect(GenerateAnswer.parse(line)).toEqual(line);
    expect(chat.at(-1)).toEqual({
      model: 'm"1',
      created_at: '2026-11-23T02:00:00.000Z',
      message: { role: 'assistant', content: '' },
      done: true,
      done_reason: 'stop',
      total_duration: 2_500_000,
      prompt_eval_count: 1,
      prompt_eval_duration: 500_000,
      eval_count: 2,
      eval_duration: 1_000_000,
      warnings: ['asked', 'odd'],
    });
  });

  test('have no call before it is whole', () => {
    const encoder = ollamaStream(CHAT_FORM, clock, { warnings: [] });
    encoder.encode(START);
    const piece = (index: number, text: string, more = {}): string =>
      encoder.encode({ type: 'tool-call', choice: 0, index, arguments: text, ...more });
    expect(piece(0, '{"a":', { id: 'i', name: 'f' })).toBe('');
    expect(piece(0, '1}')).toBe('');
    expect(piece(1, '', { id: 'j', name: 'g' })).toContain(
      '{"id":"i","function":{"index":0,"name":"f","arguments":{"a":1}}}',
    );
    expect(encoder.encode({ ...FINISH, reason: 'tool-calls' })).toContain('"index":1,"name":"g","arguments":{}');
  });

  test('do not end as if it were whole what was cut', () => {
    expect(() => lines([START, { type: 'text', choice: 0, text: 'a' }])).toThrow('ended after 0 of 1 answers');
    const error = new GolekError('engine_crashed', 'gone').toJSON();
    expect(() => lines([START, { type: 'error', error }])).toThrow('gone');
  });
});
