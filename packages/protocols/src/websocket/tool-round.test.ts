import type { GenerateRequest, InferenceEvent } from '@golek/api';
import { describe, expect, test } from 'vitest';
import { failure } from '../openai/failure.fixture.ts';
import { AnswerRecord, continued, type OpenRound } from './tool-round.ts';

const tools = [{ name: 'f' }];
const request: GenerateRequest = {
  task: 'generate',
  model: 'm',
  input: {
    type: 'chat',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }],
    tools,
    toolChoice: { type: 'required' },
  },
  sampling: { seed: 7 },
};

const ANSWER: readonly InferenceEvent[] = [
  { type: 'reasoning', choice: 0, text: 'let ' },
  { type: 'reasoning', choice: 0, text: 'me see', signature: 's1' },
  { type: 'reasoning', choice: 0, text: '', redacted: 'r1' },
  { type: 'reasoning', choice: 0, text: 'unsigned', signature: '' },
  { type: 'text', choice: 0, text: 'I ' },
  { type: 'text', choice: 0, text: 'ask' },
  { type: 'tool-call', choice: 0, index: 0, id: 'call_a', name: 'f', arguments: '{"a"' },
  { type: 'tool-call', choice: 0, index: 1, id: 'call_b', name: 'f', arguments: '{}' },
  { type: 'tool-call', choice: 0, index: 0, arguments: ':1}' },
  { type: 'finish', choice: 0, reason: 'tool-calls' },
];

const roundOf = (events: readonly InferenceEvent[], of = request): OpenRound | undefined => {
  const record = AnswerRecord.of({ requests: [of], choices: 1 });
  for (const event of events) record?.add(event);
  return record?.round;
};
const round = roundOf(ANSWER) as OpenRound;

const message = {
  role: 'assistant',
  content: [{ type: 'text', text: 'I ask' }],
  reasoning: 'let me seeunsigned',
  reasoningBlocks: [{ text: 'let me see', signature: 's1' }, { redacted: 'r1' }],
  toolCalls: [
    { id: 'call_a', name: 'f', arguments: '{"a":1}' },
    { id: 'call_b', name: 'f', arguments: '{}' },
  ],
};

test('the conversation goes on with the answer and the results, everything else as it was', () => {
  const results = [
    { tool_call_id: 'call_b', content: '21', is_error: false },
    { tool_call_id: 'call_a', content: '', is_error: true },
  ];
  expect(continued(round, { results })).toEqual({
    ...request,
    input: {
      ...request.input,
      messages: [
        ...(request.input as Extract<GenerateRequest['input'], { type: 'chat' }>).messages,
        message,
        { role: 'tool', content: [{ type: 'text', text: '21' }], toolCallId: 'call_b', isError: false },
        { role: 'tool', content: [], toolCallId: 'call_a', isError: true },
      ],
    },
  });
});

test('another choice of tools may be made for the next answer', () => {
  const results = message.toolCalls.map(({ id }) => ({ tool_call_id: id, content: 'x' }));
  expect(continued(round, { results, tool_choice: 'none' }).input).toMatchObject({ toolChoice: { type: 'none' } });
  const named = { type: 'function' as const, function: { name: 'f' } };
  expect(continued(round, { results, tool_choice: named }).input).toMatchObject({
    toolChoice: { type: 'tool', name: 'f' },
  });
});

describe('results that do not fit are refused by name', () => {
  test.each([
    [['call_a'], 'results', "'results' lacks the tool call 'call_b'; send the results of all 2 calls together"],
    [['call_a', 'call_a'], 'results[1].tool_call_id', "there are two results of 'call_a'"],
    [['call_a', 'call_c'], 'results[1].tool_call_id', "no tool call 'call_c'; did you mean 'call_a'?"],
    [['call_a', 'elephants'], 'results[1].tool_call_id', 'the calls are call_a, call_b'],
  ])('%j', (ids, path, text) => {
    const results = ids.map((id) => ({ tool_call_id: id, content: '' }));
    const error = failure(() => continued(round, { results }));
    expect(error).toMatchObject({ code: 'invalid_request', details: { path } });
    expect(error.message).toContain(text);
  });
});

describe('nothing is kept', () => {
  test('of an answer that ended otherwise, or did not end', () => {
    expect(roundOf(ANSWER.slice(0, -1))).toBeUndefined();
    expect(roundOf([...ANSWER.slice(0, -1), { type: 'finish', choice: 0, reason: 'length' }])).toBeUndefined();
    expect(roundOf([{ type: 'finish', choice: 0, reason: 'tool-calls' }])).toBeUndefined();
  });
  test('where there are no tools, several answers or several prompts', () => {
    const input = { type: 'chat' as const, messages: [] };
    expect(AnswerRecord.of({ requests: [{ ...request, input }], choices: 1 })).toBeUndefined();
    expect(AnswerRecord.of({ requests: [request], choices: 2 })).toBeUndefined();
    expect(AnswerRecord.of({ requests: [request, request], choices: 2 })).toBeUndefined();
    expect(AnswerRecord.of({ requests: [], choices: 1 })).toBeUndefined();
  });
});
