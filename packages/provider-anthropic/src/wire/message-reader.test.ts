import type { InferenceEvent } from '@golek/api';
import { describe, expect, it } from 'vitest';
import { MessageReader } from './message-reader.ts';

const context = { upstream: 'vendor', host: 'api.example.org', model: 'm', redact: (text: string) => text };

const read = (...records: readonly object[]): InferenceEvent[] => {
  const reader = new MessageReader('r1', context);
  const events: InferenceEvent[] = [];
  for (const record of records) reader.read(JSON.stringify(record), events);
  reader.end(events);
  return events;
};

const whole = (message: object): InferenceEvent[] => {
  const reader = new MessageReader('r1', context);
  const events: InferenceEvent[] = [];
  reader.readWhole(JSON.stringify(message), events);
  reader.end(events);
  return events;
};

const opened = (index: number, content_block: object): object => ({
  type: 'content_block_start',
  index,
  content_block,
});
const piece = (index: number, delta: object): object => ({ type: 'content_block_delta', index, delta });
const closed = (index: number): object => ({ type: 'content_block_stop', index });
const ended = (stop_reason: string, rest: object = {}): object => ({
  type: 'message_delta',
  delta: { stop_reason, stop_sequence: null, ...rest },
});

describe('answers as services send them', () => {
  it('thinking with a signature in pieces, text, calls, and the counts of two events', () => {
    const events = read(
      { type: 'message_start', message: { usage: { input_tokens: 10, cache_read_input_tokens: 5, output_tokens: 1 } } },
      { type: 'ping' },
      opened(0, { type: 'thinking', thinking: '', signature: '' }),
      piece(0, { type: 'thinking_delta', thinking: 'Hm.' }),
      piece(0, { type: 'signature_delta', signature: 'ab' }),
      piece(0, { type: 'signature_delta', signature: 'cd' }),
      closed(0),
      opened(1, { type: 'redacted_thinking', data: 'xyz' }),
      closed(1),
      opened(2, { type: 'text', text: '' }),
      piece(2, { type: 'text_delta', text: 'Let me see.' }),
      closed(2),
      opened(3, { type: 'tool_use', id: 'toolu_1', name: 'f', input: {} }),
      piece(3, { type: 'input_json_delta', partial_json: '' }),
      piece(3, { type: 'input_json_delta', partial_json: '{"a":1}' }),
      closed(3),
      opened(4, { type: 'tool_use', name: 'g', input: { b: 2 } }),
      closed(4),
      { ...ended('tool_use'), usage: { output_tokens: 20, output_tokens_details: { thinking_tokens: 7 } } },
    );
    expect(events).toEqual([
      { type: 'reasoning', choice: 0, text: 'Hm.' },
      { type: 'reasoning', choice: 0, text: '', signature: 'abcd' },
      { type: 'reasoning', choice: 0, text: '', redacted: 'xyz' },
      { type: 'text', choice: 0, text: 'Let me see.' },
      { type: 'tool-call', choice: 0, index: 0, id: 'toolu_1', name: 'f', arguments: '' },
      { type: 'tool-call', choice: 0, index: 0, arguments: '{"a":1}' },
      { type: 'tool-call', choice: 0, index: 1, id: 'toolu_r1_1', name: 'g', arguments: '{"b":2}' },
      { type: 'finish', choice: 0, reason: 'tool-calls' },
      {
        type: 'usage',
        usage: { promptTokens: 15, completionTokens: 20, cachedPromptTokens: 5, reasoningTokens: 7 },
      },
    ]);
  });

  it('blocks, pieces and ends that have no place are told, each once', () => {
    const citation = { type: 'citations_delta', citation: {} };
    const events = read(
      opened(0, { type: 'server_tool_use', id: 's', name: 'web_search' }),
      piece(0, { type: 'input_json_delta', partial_json: '{}' }),
      closed(0),
      opened(1, { type: 'text', text: 'Found' }),
      piece(1, citation),
      piece(1, citation),
      closed(1),
      { type: 'something_new' },
      ended('model_context_window_exceeded'),
    );
    expect(events).toEqual([
      { type: 'warning', message: "blocks of the type 'server_tool_use' are left out of the answer" },
      { type: 'text', choice: 0, text: 'Found' },
      { type: 'warning', message: 'citations are left out of the answer' },
      { type: 'warning', message: "upstream ended the answer with 'model_context_window_exceeded'" },
      { type: 'finish', choice: 0, reason: 'length' },
    ]);
  });

  it.each([
    ['end_turn', 'stop', 0],
    ['max_tokens', 'length', 0],
    ['refusal', 'content-filter', 0],
    ['pause_turn', 'stop', 1],
    ['because', 'stop', 1],
  ])('the end %s is %s', (stop_reason, reason, warnings) => {
    const events = whole({ content: [], stop_reason });
    expect(events).toHaveLength(1 + warnings);
    expect(events.at(-1)).toEqual({ type: 'finish', choice: 0, reason });
  });

  it('a stop sequence is named', () => {
    const events = whole({
      content: [{ type: 'text', text: 'a' }],
      stop_reason: 'stop_sequence',
      stop_sequence: 'END',
    });
    expect(events[1]).toEqual({ type: 'finish', choice: 0, reason: 'stop', stop: 'END' });
  });
});

describe('what is no answer', () => {
  it.each([
    ['a list', [1]],
    ['an event without a type', { index: 0 }],
    ['a block without an index', { type: 'content_block_start', content_block: { type: 'text' } }],
    ['a block without a type', opened(0, {})],
    ['a huge index', opened(1_000_000, { type: 'text' })],
    ['a piece of no block', piece(0, { type: 'text_delta', text: 'a' })],
    ['a call without a name', opened(0, { type: 'tool_use', id: 'x' })],
    ['no end', opened(0, { type: 'text', text: 'a' })],
  ])('%s fails', (_, record) => {
    expect(() => read(record)).toThrow(expect.objectContaining({ code: 'provider_failed' }) as Error);
  });

  it.each([
    ['overloaded_error', 'overloaded'],
    ['rate_limit_error', 'rate_limited'],
    ['authentication_error', 'provider_denied'],
    ['api_error', 'provider_failed'],
  ])('a reported %s is %s', (type, code) => {
    const error = { type: 'error', error: { type, message: 'so it is' } };
    expect(() => read(error)).toThrow(expect.objectContaining({ code }) as Error);
    expect(() => whole(error)).toThrow(expect.objectContaining({ code }) as Error);
  });
});
