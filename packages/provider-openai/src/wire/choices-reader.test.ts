import { collect, GolekError, type InferenceEvent } from '@golek/api';
import type OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { ChoicesReader } from './choices-reader.ts';

const context = { upstream: 'vendor', host: 'api.example.org', model: 'gpt', redact: (text: string) => text };

const read = (chunks: readonly (string | object)[], choices = 1) => {
  const reader = new ChoicesReader(choices, 'r1', context);
  const events: InferenceEvent[] = [];
  for (const chunk of chunks) reader.read(typeof chunk === 'string' ? chunk : JSON.stringify(chunk), events);
  return { reader, events };
};

const collected = async (chunks: readonly (string | object)[], choices = 1) => {
  const { events, reader } = read(chunks, choices);
  expect(reader.complete).toBe(true);
  reader.end(events);
  return collect(
    (async function* () {
      yield* events;
    })(),
  );
};

const failure = (work: () => unknown): GolekError => {
  try {
    work();
  } catch (error) {
    if (error instanceof GolekError) return error;
  }
  throw new Error('a GolekError was expected');
};

const chunk = (choice: object, rest: object = {}): object => ({
  id: 'x',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'gpt',
  choices: [{ index: 0, finish_reason: null, ...choice }],
  ...rest,
});

describe('answers in the forms that vendors send', () => {
  it('parallel tool calls of OpenAI, piece by piece', async () => {
    const piece = (tool_calls: OpenAI.ChatCompletionChunk.Choice.Delta['tool_calls']) =>
      chunk({ delta: { tool_calls } });
    const { choices } = await collected([
      chunk({ delta: { role: 'assistant', content: null } }),
      piece([{ index: 0, id: 'call_a', type: 'function', function: { name: 'weather', arguments: '' } }]),
      piece([{ index: 0, function: { arguments: '{"city":' } }]),
      piece([{ index: 0, function: { arguments: '"Oslo"}' } }]),
      piece([{ index: 1, id: 'call_b', type: 'function', function: { name: 'time', arguments: '{}' } }]),
      chunk({ delta: {}, finish_reason: 'tool_calls' }),
    ]);
    expect(choices[0]).toMatchObject({
      finish: 'tool-calls',
      toolCalls: [
        { id: 'call_a', name: 'weather', arguments: '{"city":"Oslo"}' },
        { id: 'call_b', name: 'time', arguments: '{}' },
      ],
    });
  });

  it('tool calls without ids, without indices, with objects, and with the wrong finish reason', async () => {
    const calls = [{ function: { name: 'a', arguments: { x: 1 } } }, { function: { name: 'b' } }];
    const { choices } = await collected([
      chunk({ message: { role: 'assistant', content: '', tool_calls: calls }, finish_reason: 'stop' }),
    ]);
    expect(choices[0]).toMatchObject({
      finish: 'tool-calls',
      toolCalls: [
        { id: 'call_r1_0_0', name: 'a', arguments: '{"x":1}' },
        { id: 'call_r1_0_1', name: 'b', arguments: '' },
      ],
    });
  });

  it('reasoning under both of its names, refusals, and contents in parts', async () => {
    const { choices } = await collected([
      chunk({ delta: { reasoning_content: 'Let me ', content: null } }),
      chunk({ delta: { reasoning: 'think.' } }),
      chunk({ delta: { content: [{ type: 'text', text: 'No' }] } }),
      chunk({ delta: { refusal: ', I cannot.' }, finish_reason: 'content_filter' }),
    ]);
    expect(choices[0]).toMatchObject({ reasoning: 'Let me think.', text: 'No, I cannot.', finish: 'content-filter' });
  });

  it('chunks around the answer: filter results first, usage last, the end said twice', async () => {
    const { choices, usage } = await collected([
      { choices: [], prompt_filter_results: [{ prompt_index: 0 }] },
      chunk({ delta: { content: 'Hi' } }, { usage: { prompt_tokens: 3, completion_tokens: 1 } }),
      chunk({ delta: {}, finish_reason: 'stop', stop_reason: '\n' }),
      chunk({ delta: { content: '' }, finish_reason: 'stop' }),
      {
        choices: [],
        usage: { prompt_tokens: 3, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 2 } },
      },
    ]);
    expect(choices).toMatchObject([{ text: 'Hi', finish: 'stop', stop: '\n' }]);
    expect(usage).toEqual({ promptTokens: 3, completionTokens: 2, cachedPromptTokens: 2 });
  });

  it('several choices at once, of a chat and of a completion', async () => {
    const { choices } = await collected(
      [
        { choices: [{ index: 1, text: 'b', finish_reason: null }] },
        {
          choices: [
            { index: 0, text: 'a', finish_reason: 'length' },
            { index: 1, text: 'b', finish_reason: 'stop' },
          ],
        },
      ],
      2,
    );
    expect(choices.map(({ text, finish }) => [text, finish])).toEqual([
      ['a', 'length'],
      ['bb', 'stop'],
    ]);
  });

  it('log-probabilities of both forms', () => {
    const content = [
      { token: 'é', logprob: -0.5, bytes: [195, 169], top_logprobs: [{ token: 'e', logprob: -1, bytes: null }] },
    ];
    const chat = read([chunk({ delta: { content: 'é' }, logprobs: { content } })]).events;
    expect(chat).toEqual([
      {
        type: 'text',
        choice: 0,
        text: 'é',
        logprobs: [{ text: 'é', bytes: [195, 169], logprob: -0.5, top: [{ text: 'e', bytes: [101], logprob: -1 }] }],
      },
    ]);
    const logprobs = { tokens: ['a', 'b'], token_logprobs: [null, -2], top_logprobs: [null, { b: -2, c: -3 }] };
    const completion = read([{ choices: [{ index: 0, text: 'ab', logprobs }] }]).events;
    expect(completion[0]).toMatchObject({
      logprobs: [{ text: 'b', logprob: -2, top: [{ text: 'b' }, { text: 'c', logprob: -3 }] }],
    });
  });

  it('finish reasons that nobody documents are ends with a warning; those of failures are failures', () => {
    const { events } = read([chunk({ delta: {}, finish_reason: 'because' })]);
    expect(events).toEqual([
      { type: 'warning', message: "upstream ended the answer with 'because'" },
      { type: 'finish', choice: 0, reason: 'stop' },
    ]);
    for (const reason of ['abort', 'error', 'insufficient_system_resource']) {
      const error = failure(() => read([chunk({ delta: {}, finish_reason: reason })]));
      expect([error.code, error.message]).toEqual(['provider_failed', expect.stringContaining(`'${reason}'`)]);
    }
  });
});

describe('what is no answer', () => {
  it.each([
    ['a list', '[1]'],
    ['null', 'null'],
    ['an object without choices', '{"type":"ping"}'],
    ['a choice that is no object', '{"choices":[null]}'],
    ['a choice that was not asked for', '{"choices":[{"index":1,"delta":{"content":"x"}}]}'],
    ['a huge index', '{"choices":[{"index":1000000000,"delta":{"content":"x"}}]}'],
    ['a negative index', '{"choices":[{"index":-1,"delta":{"content":"x"}}]}'],
    ['a tool call without a name', '{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0}]}}]}'],
    ['too many tool calls', '{"choices":[{"index":0,"delta":{"tool_calls":[{"index":999,"function":{"name":"a"}}]}}]}'],
  ])('%s fails', (_, text) => {
    expect(failure(() => read([text])).code).toBe('provider_failed');
  });

  it.each([
    ['{"error":{"message":"slow down","type":"rate_limit_error"}}', 'rate_limited'],
    ['{"error":{"message":"no","code":429}}', 'rate_limited'],
    ['{"error":{"message":"too long","code":"context_length_exceeded"}}', 'context_length_exceeded'],
    ['{"object":"error","message":"too long","type":"BadRequestError","code":400}', 'invalid_request'],
    ['{"error":{"message":"busy","type":"overloaded_error"}}', 'overloaded'],
    ['{"error":{"message":"lost","code":502}}', 'provider_failed'],
    ['{"error":"something"}', 'provider_failed'],
  ])('%s', (text, code) => {
    expect(failure(() => read([text])).code).toBe(code);
  });
});
