import { describe, expect, test } from 'vitest';
import type { InferenceEvent, TokenLogprob } from '@golek/providers-spi';
import { Answer, type AnswerSetup } from './answer.ts';
import { ReasoningSplitter } from './reasoning-splitter.ts';
import { TokenBytes } from './token-bytes.ts';
import { toolCallFormatOf } from './tool-calls.ts';

const THINK = { open: '<think>', close: '</think>' };
const END = 0;

/** An answer made of tokens with these texts, whatever they are cut into; ids are their places from 1. */
const answerOf = (
  pieces: readonly string[],
  setup: Partial<AnswerSetup> = {},
): { answer: Answer; events: InferenceEvent[] } => {
  const events: InferenceEvent[] = [];
  const bytes = new TokenBytes({
    size: pieces.length + 1,
    tokenText: (token) => pieces[token - 1] ?? '',
    attributes: () => 0,
    detokenize: ([token = 0]) => pieces[token - 1] ?? '',
    isEndOfGeneration: (token) => token === END,
  });
  const answer = new Answer({
    choice: 0,
    prompt: Uint32Array.of(1),
    sampler: {} as never,
    group: undefined,
    limit: 1000,
    stops: [],
    constrained: false,
    reasoning: undefined,
    toolCalls: undefined,
    logprobs: undefined,
    rated: false,
    bytes,
    markers: new Map(),
    isEnd: (token) => token === END,
    newToolCallId: () => 'call_1',
    isFull: () => false,
    onEvent: (event) => events.push(event),
    onShift: () => undefined,
    onCutCall: () => undefined,
    onError: (error) => {
      throw error;
    },
    onRelease: () => undefined,
    ...setup,
  });
  for (const token of [...pieces.keys()].map((i) => i + 1).concat(END)) {
    // The token is as likely as its number says.
    if (!answer.onToken(token, { logits: [token, 0], weight: Math.exp(token) })) break;
  }
  return { answer, events };
};

const joined = (events: readonly InferenceEvent[], type: 'text' | 'reasoning'): string =>
  events.map((event) => (event.type === type ? (event as { text: string }).text : '')).join('');

const logprobsOf = (events: readonly InferenceEvent[]): TokenLogprob[] =>
  events.flatMap((event) => (event.type === 'text' ? (event.logprobs ?? []) : []));

const thinking = (opened = false): Partial<AnswerSetup> => ({ reasoning: new ReasoningSplitter(THINK, opened) });

describe('reasoning', () => {
  const text = '<think>\nHm: 2, 3.\n</think>\n\nIt is 5.';

  test('comes apart from the answer at any token borders, with its tokens counted', () => {
    for (let size = 1; size <= text.length; size++) {
      const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      const { answer, events } = answerOf(pieces, thinking());
      expect(joined(events, 'reasoning')).toBe('Hm: 2, 3.');
      expect(joined(events, 'text')).toBe('It is 5.');
      expect(answer.tokens).toBe(pieces.length);
      // The token with the last character of the closing marker is the last one that counts.
      expect(answer.reasoningTokens).toBe(Math.ceil((text.indexOf('</think>') + 8) / size));
    }
  });

  test('whole markers as tokens', () => {
    const { answer, events } = answerOf(['<think>', '\n', 'Hm', '\n', '</think>', '\n\n', 'Yes'], thinking());
    expect(events).toEqual([
      { type: 'reasoning', choice: 0, text: 'Hm' },
      { type: 'text', choice: 0, text: 'Yes' },
      { type: 'finish', choice: 0, reason: 'stop' },
    ]);
    expect(answer.reasoningTokens).toBe(5);
  });

  test('opened by the prompt', () => {
    const { answer, events } = answerOf(['Hm', '.', '</think>', 'Yes'], thinking(true));
    expect([joined(events, 'reasoning'), joined(events, 'text')]).toEqual(['Hm.', 'Yes']);
    expect(answer.reasoningTokens).toBe(3);
  });

  test('that never ends is all there is', () => {
    const { answer, events } = answerOf(['Hm', '.'], { ...thinking(true), limit: 2 });
    expect(joined(events, 'text')).toBe('');
    expect(events.at(-1)).toEqual({ type: 'finish', choice: 0, reason: 'length' });
    expect(answer.reasoningTokens).toBe(2);
  });

  test('that there is none of', () => {
    const { answer, events } = answerOf([' ', '<', 'think', ' about', ' it'], {
      ...thinking(),
      logprobs: 0,
    });
    expect(joined(events, 'text')).toBe(' <think about it');
    expect(answer.reasoningTokens).toBe(0);
    expect(logprobsOf(events).map((one) => one.text)).toEqual([' ', '<', 'think', ' about', ' it']);
  });

  test('a start that stays undecided is text', () => {
    const { answer, events } = answerOf(['<th'], { ...thinking(), logprobs: 0 });
    expect(joined(events, 'text')).toBe('<th');
    expect(logprobsOf(events)).toHaveLength(1);
    expect(answer.reasoningTokens).toBe(0);
  });

  test('is not searched for stop strings, the answer is', () => {
    const { events } = answerOf(['<think>', 'a, b', '</think>', 'c', ', ', 'd'], { ...thinking(), stops: [', '] });
    expect([joined(events, 'reasoning'), joined(events, 'text')]).toEqual(['a, b', 'c']);
    expect(events.at(-1)).toEqual({ type: 'finish', choice: 0, reason: 'stop', stop: ', ' });
  });

  test('has no log-probabilities, the answer has them all', () => {
    const { events } = answerOf(['<th', 'ink>', 'Hm', '</think>', '\n', 'Yes', ', ', 'no'], {
      ...thinking(),
      logprobs: 0,
    });
    expect(logprobsOf(events).map((one) => one.text)).toEqual(['Yes', ', ', 'no']);
  });

  test('comes before tool calls', () => {
    const format = toolCallFormatOf('<tool_call>{"arguments"');
    const call = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>';
    for (const size of [1, 3, 7, 200]) {
      const pieces = `<think>Use <tool_call>?</think>\n\n${call}`.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      const toolCalls = format?.parser([{ name: 'f' }]);
      const { events } = answerOf(pieces, { ...thinking(), toolCalls });
      expect(joined(events, 'reasoning')).toBe('Use <tool_call>?');
      expect(joined(events, 'text')).toBe('');
      const args = events.map((event) => (event.type === 'tool-call' ? event.arguments : '')).join('');
      expect(args).toBe('{"a": 1}');
      expect(events.at(-1)).toMatchObject({ reason: 'tool-calls' });
    }
  });
});

describe('control tokens', () => {
  const pieces = ['[TOOL_CALLS]', 'f', '[ARGS]', '{"a"', ': 1}'];
  const control = (token: number): Uint8Array => new TextEncoder().encode(pieces[token - 1]);

  test('that mark calls are seen', () => {
    const format = toolCallFormatOf('[TOOL_CALLS]x[ARGS]');
    const { events } = answerOf(['', 'f', '', '{"a"', ': 1}'], {
      toolCalls: format?.parser([{ name: 'f' }]),
      markers: new Map([1, 3].map((token) => [token, control(token)])),
    });
    expect(events.filter((event) => event.type === 'tool-call').map((event) => event.arguments)).toEqual([
      '',
      '{"a"',
      ': 1}',
    ]);
  });
});

test('the mean log-probability has every token, the one that ends it too', () => {
  const { answer, events } = answerOf(['a', 'b'], { rated: true });
  expect(answer.observe).toBe(0);
  expect(answer.meanLogprob).toBeCloseTo(-(1 + 2 + 0) / 3, 10);
  expect(logprobsOf(events)).toEqual([]);
});
