import { collect } from '@golek/api';
import { bothWays, wholeAnswers } from '@golek/faulty-upstream/whole-answers';
import { describe, expect, it } from 'vitest';
import { bench, chat, contextOf } from './upstream.fixture.ts';

wholeAnswers({ bench, request: chat('één twee 三 🎈 vier') });

const CITATION = { type: 'char_location', cited_text: 'thirty', document_index: 0 };
/** Integers that a number cannot hold, as text. */
const INPUT = '{"city":"Zürich","id":12345678901234567890,"at":[1.5,-9007199254740993]}';

const record = (value: { readonly type: string }): string => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;

const block = (index: number, content_block: object, ...deltas: readonly object[]): readonly string[] => [
  record({ type: 'content_block_start', ...{ index, content_block } }),
  ...deltas.map((delta) => record({ type: 'content_block_delta', ...{ index, delta } })),
  record({ type: 'content_block_stop', ...{ index } }),
];

const START = record({
  type: 'message_start',
  ...{
    message: {
      content: [],
      stop_reason: null,
      usage: { input_tokens: 10, cache_read_input_tokens: 5, cache_creation_input_tokens: 2, output_tokens: 1 },
    },
  },
});

const end = (stop_reason: string, stop_sequence: string | null): readonly string[] => [
  record({
    type: 'message_delta',
    ...{
      delta: { stop_reason, stop_sequence },
      usage: { output_tokens: 42, output_tokens_details: { thinking_tokens: 7 } },
    },
  }),
  record({ type: 'message_stop' }),
];

const whole = (content: string, stop_reason: string, stop_sequence: string | null): string => `{
  "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
  "content": ${content},
  "stop_reason": "${stop_reason}", "stop_sequence": ${JSON.stringify(stop_sequence)},
  "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 2, "output_tokens": 42,
    "output_tokens_details": {"thinking_tokens": 7}}
}`;

describe('the same answer, streamed and in one piece', () => {
  it('with thinking, signatures, citations, calls and blocks that have no place', async () => {
    const streamed = [
      START,
      record({ type: 'ping' }),
      ...block(
        0,
        { type: 'thinking', thinking: '', signature: '' },
        { type: 'thinking_delta', thinking: 'Two ' },
        { type: 'thinking_delta', thinking: 'ways…' },
        { type: 'signature_delta', signature: 'EqQB' },
        { type: 'signature_delta', signature: 'Cg==' },
      ),
      ...block(1, { type: 'redacted_thinking', data: 'c2VjcmV0' }),
      ...block(
        2,
        { type: 'text', text: '', citations: [] },
        { type: 'text_delta', text: 'It is ' },
        { type: 'citations_delta', citation: CITATION },
        { type: 'text_delta', text: 'thirty. 🎈' },
      ),
      ...block(3, { type: 'server_tool_use', id: 'srv_1', name: 'web_search', input: {} }),
      ...block(
        4,
        { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: {} },
        { type: 'input_json_delta', partial_json: '' },
        { type: 'input_json_delta', partial_json: INPUT.slice(0, 30) },
        { type: 'input_json_delta', partial_json: INPUT.slice(30) },
      ),
      ...block(
        5,
        { type: 'tool_use', id: 'toolu_2', name: 'now', input: {} },
        { type: 'input_json_delta', partial_json: '' },
      ),
      ...end('tool_use', null),
    ];
    const content = `[
    {"type": "thinking", "thinking": "Two ways…", "signature": "EqQBCg=="},
    {"type": "redacted_thinking", "data": "c2VjcmV0"},
    {"type": "text", "text": "It is thirty. 🎈", "citations": [${JSON.stringify(CITATION)}]},
    {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}},
    {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": ${INPUT}},
    {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}}
  ]`;
    const recorded = { streamed: { kind: 'raw', body: streamed }, whole: whole(content, 'tool_use', null) } as const;
    const read = await bothWays(await bench(), chat('hi'), recorded);
    expect(read.whole).toEqual(read.streamed);
    expect(read.whole.signed).toEqual([
      { type: 'reasoning', choice: 0, text: '', signature: 'EqQBCg==' },
      { type: 'reasoning', choice: 0, text: '', redacted: 'c2VjcmV0' },
    ]);
    expect(read.whole.result).toMatchObject({
      choices: [
        {
          text: 'It is thirty. 🎈',
          reasoning: 'Two ways…',
          finish: 'tool-calls',
          toolCalls: [
            { id: 'toolu_1', name: 'get_weather', arguments: INPUT },
            { id: 'toolu_2', name: 'now', arguments: '' },
          ],
        },
      ],
      warnings: [
        'citations are left out of the answer',
        "blocks of the type 'server_tool_use' are left out of the answer",
      ],
      usage: {
        promptTokens: 17,
        completionTokens: 42,
        cachedPromptTokens: 5,
        cacheWritePromptTokens: 2,
        reasoningTokens: 7,
      },
    });
  });

  it.each([
    ['stop_sequence', 'END', 'stop'],
    ['max_tokens', null, 'length'],
    ['refusal', null, 'content-filter'],
    ['pause_turn', null, 'stop'],
    ['model_context_window_exceeded', null, 'length'],
  ] as const)('with the end %s', async (reason, sequence, finish) => {
    const said = block(0, { type: 'text', text: '' }, { type: 'text_delta', text: 'So far' });
    const recorded = {
      streamed: { kind: 'raw', body: [START, ...said, ...end(reason, sequence)] },
      whole: whole('[{"type": "text", "text": "So far"}]', reason, sequence),
    } as const;
    const read = await bothWays(await bench(), chat('hi'), recorded);
    expect(read.whole).toEqual(read.streamed);
    expect(read.whole.result.choices[0]).toMatchObject({ finish, ...(sequence !== null && { stop: sequence }) });
  });
});

describe('an answer that is read at its end', () => {
  it.each([
    ['in one piece', undefined, {}, undefined],
    ['in one piece up to the most tokens', 8_192, {}, undefined],
    ['as a stream where it may take long', 8_193, {}, true],
    ['as a stream where the model says that it may take long', undefined, { maxTokens: 16_000 }, true],
  ] as const)('is asked for %s', async (_, maxTokens, options, stream) => {
    const { open, upstream } = await bench();
    const session = await open('ok', options);
    const request = chat('one two', maxTokens === undefined ? {} : { maxTokens });
    const { choices } = await collect(session.run(request, { ...contextOf(), wholeMs: 60_000 }));
    expect(choices[0]).toMatchObject({ text: 'one two', finish: 'stop' });
    expect((upstream.calls[0]?.body as { stream?: boolean }).stream).toBe(stream);
  });
});
