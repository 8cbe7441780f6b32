import { collect, GolekError, type InferenceEvent } from '@golek/api';
import type OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { eventsFrom } from '../../upstream.fixture.ts';
import { readProof } from './reasoning-proof.ts';
import { ResponseReader } from './response-reader.ts';

const context = { upstream: 'vendor', host: 'api.example.org', model: 'gpt', redact: (text: string) => text };

type Wire = OpenAI.Responses.ResponseStreamEvent;
/** An event of the official client's types, of which some fields may be missing as services leave them out. */
type Loose<T> = T extends { type: unknown } ? Pick<T, 'type'> & { [K in keyof T]?: unknown } : never;
type Event = Loose<Wire>;

const read = (records: readonly (Event | string)[]) => {
  const reader = new ResponseReader('r1', context);
  const events: InferenceEvent[] = [];
  let ended = false;
  for (const record of records) {
    expect(ended).toBe(false);
    ended = reader.read(typeof record === 'string' ? record : JSON.stringify(record), events);
  }
  reader.end(events);
  return events;
};

const whole = (response: object): InferenceEvent[] => {
  const reader = new ResponseReader('r1', context);
  const events: InferenceEvent[] = [];
  reader.readWhole(JSON.stringify({ object: 'response', status: 'completed', error: null, ...response }), events);
  reader.end(events);
  return events;
};

const failure = (work: () => unknown): GolekError => {
  try {
    work();
  } catch (error) {
    if (error instanceof GolekError) return error;
  }
  throw new Error('a GolekError was expected');
};

const completed = (response: object = {}): Event => ({
  type: 'response.completed',
  response: { status: 'completed', error: null, output: [], ...response },
});

const added = (output_index: number, item: object): Event => ({
  type: 'response.output_item.added',
  output_index,
  item,
});
const done = (output_index: number, item: object): Event => ({ type: 'response.output_item.done', output_index, item });
const said = (output_index: number, delta: string, more: object = {}): Event => ({
  type: 'response.output_text.delta',
  output_index,
  delta,
  ...more,
});

const message = (...content: object[]) => ({ type: 'message', id: 'msg_1', role: 'assistant', content });
const words = (text: string) => ({ type: 'output_text', text, annotations: [], logprobs: [] });
const call = (args: string) => ({ type: 'function_call', id: 'fc_1', call_id: 'c1', name: 'f', arguments: args });

const finish = (reason: string) => ({ type: 'finish', choice: 0, reason });

const collected = (events: readonly InferenceEvent[]) => collect(eventsFrom(events));

describe('a streamed response', () => {
  it('is text, in pieces, with its end and its counts', () => {
    const usage: OpenAI.Responses.ResponseUsage = {
      input_tokens: 9,
      input_tokens_details: { cached_tokens: 4, cache_write_tokens: 2 },
      output_tokens: 7,
      output_tokens_details: { reasoning_tokens: 3 },
      total_tokens: 16,
    };
    const events = read([
      { type: 'response.created', response: { status: 'in_progress' } },
      { type: 'response.in_progress' },
      added(0, message()),
      { type: 'response.content_part.added', output_index: 0, part: words('') },
      said(0, 'Hel'),
      said(0, 'lo'),
      { type: 'response.output_text.done', output_index: 0, text: 'Hello' },
      { type: 'response.content_part.done', output_index: 0, part: words('Hello') },
      done(0, message(words('Hello'))),
      completed({ output: [message(words('Hello'))], usage }),
    ]);
    expect(events).toEqual([
      { type: 'text', choice: 0, text: 'Hel' },
      { type: 'text', choice: 0, text: 'lo' },
      finish('stop'),
      {
        type: 'usage',
        usage: {
          promptTokens: 9,
          completionTokens: 7,
          cachedPromptTokens: 4,
          cacheWritePromptTokens: 2,
          reasoningTokens: 3,
        },
      },
    ]);
  });

  it('has calls whose pieces come by turns', async () => {
    const second = { ...call(''), id: 'fc_2', call_id: 'c2', name: 'g' };
    const piece = (output_index: number, delta: string): Event => ({
      type: 'response.function_call_arguments.delta',
      output_index,
      delta,
    });
    const events = read([
      added(0, call('')),
      added(1, second),
      piece(0, '{"a"'),
      piece(1, '{'),
      piece(0, ':1}'),
      piece(1, '}'),
      { type: 'response.function_call_arguments.done', output_index: 0, arguments: '{"a":1}' },
      done(0, call('{"a":1}')),
      done(1, { ...second, arguments: '{}' }),
      completed(),
    ]);
    expect((await collected(events)).choices).toMatchObject([
      {
        finish: 'tool-calls',
        toolCalls: [
          { id: 'c1', name: 'f', arguments: '{"a":1}' },
          { id: 'c2', name: 'g', arguments: '{}' },
        ],
      },
    ]);
  });

  it.each([
    ['when its pieces end', { type: 'response.function_call_arguments.done', output_index: 0, arguments: '{"a":1}' }],
    ['when the call ends', done(0, call('{"a":1}'))],
    ['when it begins', added(0, call('{"a":1}'))],
  ] as const)('may tell all arguments at once: %s', async (_, event) => {
    const events = read([
      added(0, event.type === 'response.output_item.added' ? call('{"a":1}') : call('')),
      event,
      completed(),
    ]);
    expect((await collected(events)).choices[0]?.toolCalls).toEqual([{ id: 'c1', name: 'f', arguments: '{"a":1}' }]);
  });

  it('may tell an item, or all of it, at its end only', () => {
    const expected = [{ type: 'text', choice: 0, text: 'Hello' }, finish('stop')];
    expect(read([done(0, message(words('Hello'))), completed()])).toEqual(expected);
    expect(read([completed({ output: [message(words('Hello'))] })])).toEqual(expected);
    expect(
      read([said(0, 'Hello'), done(0, message(words('Hello'))), done(0, message(words('Hello'))), completed()]),
    ).toEqual(expected);
  });

  it('may say nothing of the places of its items, as llama.cpp', async () => {
    const { id: _, ...named } = call('');
    const events = read([
      { type: 'response.output_item.added', item: { type: 'message', id: 'msg_9' } },
      { type: 'response.output_text.delta', item_id: 'msg_9', delta: 'Wait.' },
      { type: 'response.output_item.done', item: { ...message(words('Wait.')), id: 'msg_9' } },
      { type: 'response.output_item.added', item: named },
      { type: 'response.function_call_arguments.delta', item_id: 'c1', delta: '{}' },
      { type: 'response.output_item.done', item: { ...named, arguments: '{}' } },
      completed(),
    ]);
    expect((await collected(events)).choices[0]).toMatchObject({
      text: 'Wait.',
      toolCalls: [{ id: 'c1', name: 'f', arguments: '{}' }],
      finish: 'tool-calls',
    });
  });

  it('may name no item at all', async () => {
    const item = { type: 'message', content: [] };
    const [one, two] = ['a', 'b'].map((text) => ({ ...item, content: [words(text)] }));
    const events = read([
      { type: 'response.output_item.done', item: one },
      { type: 'response.output_item.done', item: two },
      completed(),
    ]);
    expect((await collected(events)).choices[0]?.text).toBe('ab');
  });

  it('has refusals as text', () => {
    const refused = [{ type: 'text', choice: 0, text: 'I cannot.' }, finish('stop')];
    expect(
      read([
        added(0, message()),
        { type: 'response.refusal.delta', output_index: 0, delta: 'I cannot.' },
        { type: 'response.refusal.done', output_index: 0, refusal: 'I cannot.' },
        completed(),
      ]),
    ).toEqual(refused);
    expect(whole({ output: [message({ type: 'refusal', refusal: 'I cannot.' })] })).toEqual(refused);
  });

  it('has log-probabilities', () => {
    const logprobs = [
      { token: 'é', bytes: [195, 169], logprob: -0.5, top_logprobs: [{ token: 'e', bytes: [101], logprob: -1 }] },
    ];
    const expected = {
      type: 'text',
      choice: 0,
      text: 'é',
      logprobs: [{ text: 'é', bytes: [195, 169], logprob: -0.5, top: [{ text: 'e', bytes: [101], logprob: -1 }] }],
    };
    expect(read([said(0, 'é', { logprobs }), completed()])[0]).toEqual(expected);
    expect(whole({ output: [message({ ...words('é'), logprobs })] })[0]).toEqual(expected);
  });

  it.each([
    [{ type: 'response.incomplete', response: { incomplete_details: { reason: 'max_output_tokens' } } }, 'length'],
    [{ type: 'response.incomplete', response: { incomplete_details: { reason: 'content_filter' } } }, 'content-filter'],
    // As vLLM says it.
    [completed({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }), 'length'],
  ] as const)('%j ends with %s', (event, reason) => {
    expect(read([added(0, call('')), said(1, 'a'), event as Event]).at(-1)).toEqual(finish(reason));
  });

  it('that is incomplete for another reason says so', () => {
    const event: Event = { type: 'response.incomplete', response: { incomplete_details: { reason: 'steered' } } };
    expect(read([said(0, 'a'), event]).slice(1)).toEqual([
      { type: 'warning', message: "upstream left the answer incomplete by 'steered'" },
      finish('length'),
    ]);
  });
});

describe('reasoning', () => {
  const reasoned = (fields: object) => ({ type: 'reasoning', id: 'rs_1', summary: [], ...fields });
  const proofs = (events: readonly InferenceEvent[]) =>
    events.flatMap((event) =>
      event.type === 'reasoning' && event.signature !== undefined ? [readProof(event.signature)] : [],
    );

  it('is text, or a summary whose parts are paragraphs', async () => {
    const content = read([
      added(0, reasoned({})),
      { type: 'response.reasoning_text.delta', output_index: 0, delta: 'Let me ' },
      { type: 'response.reasoning_text.delta', output_index: 0, delta: 'see.' },
      // The same in short is not told again.
      { type: 'response.reasoning_summary_text.delta', output_index: 0, delta: 'Short.' },
      completed(),
    ]);
    expect((await collected(content)).choices[0]?.reasoning).toBe('Let me see.');
    const pieces = [
      [0, 'One '],
      [0, 'a.'],
      [1, 'Two.'],
    ] as const;
    const summary = read([
      ...pieces.map(([summary_index, delta]): Event => ({
        type: 'response.reasoning_summary_text.delta',
        output_index: 0,
        summary_index,
        delta,
      })),
      completed(),
    ]);
    expect((await collected(summary)).choices[0]?.reasoning).toBe('One a.\n\nTwo.');
    const parts = ['One a.', 'Two.'].map((text) => ({ type: 'summary_text', text }));
    const atOnce = whole({ output: [reasoned({ summary: parts })] });
    expect((await collected(atOnce)).choices[0]?.reasoning).toBe('One a.\n\nTwo.');
    const both = whole({ output: [reasoned({ summary: parts, content: [{ type: 'reasoning_text', text: 'Raw.' }] })] });
    expect((await collected(both)).choices[0]?.reasoning).toBe('Raw.');
  });

  it('has its proof, and the place for it, at its end', () => {
    const first = reasoned({ encrypted_content: 'E1' });
    const second = { ...reasoned({ encrypted_content: 'E2' }), id: 'not an id' };
    const text = { type: 'response.reasoning_text.delta', output_index: 2, delta: 'thought' } as const;
    const events = read([
      // What stands at the beginning may be cut.
      added(0, { ...first, encrypted_content: 'E' }),
      done(0, first),
      said(1, 'Wait.'),
      added(2, second),
      text,
      done(2, second),
      added(3, call('{}')),
      done(4, reasoned({})),
      completed(),
    ]);
    expect(proofs(events)).toEqual([
      { place: 0, kind: 'summary', id: 'rs_1', encrypted: 'E1' },
      { place: 1, kind: 'content', id: '', encrypted: 'E2' },
    ]);
    const atOnce = whole({ output: [first, message(words('Wait.')), second, call('{}'), first] });
    expect(proofs(atOnce).map((proof) => proof?.place)).toEqual([0, 1, 2]);
  });
});

describe('what is new', () => {
  it('is gone past, and told where a part of the answer is left out', () => {
    const search = { type: 'web_search_call', id: 'ws_1', status: 'completed' };
    const cited = { ...words('It rains.'), annotations: [{ type: 'url_citation', url: 'https://example.org' }] };
    const expected = [
      { type: 'warning', message: "items of the type 'web_search_call' are left out of the answer" },
      { type: 'text', choice: 0, text: 'It rains.' },
      { type: 'warning', message: 'annotations are left out of the answer' },
      finish('stop'),
    ];
    const events = read([
      '{"type":"response.steered","anything":1}',
      added(0, search),
      { type: 'response.web_search_call.searching', output_index: 0 },
      done(0, search),
      added(1, message()),
      said(1, 'It rains.'),
      done(1, message(cited)),
      completed(),
    ]);
    expect(events).toEqual(expected);
    expect(whole({ output: [search, search, message(cited)] })).toEqual(expected);
    const [warning] = whole({ output: [message({ type: 'output_audio' })] });
    expect(warning).toMatchObject({ message: "contents of the type 'output_audio' are left out of the answer" });
  });
});

describe('what is no answer', () => {
  it.each([
    ['a list', '[1]'],
    ['null', 'null'],
    ['broken JSON', '{"type":"response.'],
    ['an event without a type', '{"delta":"x"}'],
    ['an item without a type', '{"type":"response.output_item.added","output_index":0,"item":{}}'],
    ['no item', '{"type":"response.output_item.done","output_index":0}'],
    ['a call without a name', '{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call"}}'],
    ['arguments of no call', '{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{}"}'],
    ['an end without the response', '{"type":"response.completed"}'],
    ['a chunk of a chat', '{"choices":[{"index":0,"delta":{"content":"x"}}]}'],
  ])('%s fails', (_, record) => {
    expect(failure(() => read([record])).code).toBe('provider_failed');
  });

  it('too many items fail', () => {
    const items = Array.from({ length: 4097 }, (_, index) => added(index, message()));
    expect(failure(() => read(items)).message).toContain('more than 4096 items');
  });

  it.each([[[]], [[said(0, 'a')]], [[said(0, 'a'), '[DONE]']], [[added(0, message()), done(0, message(words('a')))]]])(
    'a stream that is cut fails: %j',
    (records) => {
      expect(failure(() => read(records)).message).toContain("it ended without 'response.completed'");
    },
  );

  it.each([
    [{ type: 'error', code: 'rate_limit_exceeded', message: 'slow down', param: null }, 'rate_limited', 'slow down'],
    [{ type: 'error', code: null, message: 'lost' }, 'provider_failed', 'lost'],
    [{ type: 'error', error: { type: 'overloaded_error', message: 'busy' } }, 'overloaded', 'busy'],
    [
      { type: 'response.failed', response: { error: { code: 'server_error', message: 'lost' } } },
      'provider_failed',
      'lost',
    ],
    [
      { type: 'response.failed', response: { error: { code: 'invalid_prompt', message: 'no' } } },
      'invalid_request',
      'no',
    ],
    [completed({ status: 'failed' }), 'provider_failed', 'the response failed'],
    [completed({ status: 'cancelled' }), 'provider_failed', 'the response failed'],
  ] as const)('%j is %s', (event, code, said_) => {
    const error = failure(() => read([said(0, 'a'), event]));
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(said_)]);
  });

  it.each([
    [{ output: undefined }, "JSON without 'output'"],
    [{ output: [], status: 'queued' }, "a response that is 'queued'"],
    [{ output: [], status: 'in_progress' }, "a response that is 'in_progress'"],
    [{ output: [], status: 'failed', error: { code: 'server_error', message: 'lost' } }, 'lost'],
    [{ output: [], status: 'failed' }, 'the response failed'],
    [{ output: [], status: 'cancelled' }, 'the response failed'],
  ])('a whole response with %j fails', (response, problem) => {
    expect(failure(() => whole(response)).message).toContain(problem);
  });
});
