import { collect, GolekError, type InferenceEvent } from '@golek/api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventsFrom } from '../openai/events.fixture.ts';
import { failure } from '../openai/failure.fixture.ts';
import { deltaStream } from './delta-stream.ts';
import { finishedResult } from './result-messages.ts';
import { ServerMessage } from './server-message.ts';
import { errorMessage, startedMessage } from './short-messages.ts';
import { readStart } from './start-call.ts';

const choice = fc.nat(2);
const tokenFields = { text: fc.string(), bytes: fc.array(fc.nat(255)), logprob: fc.double({ max: 0, noNaN: true }) };
const token = fc.record(tokenFields);

/** Deltas of an answer, in any order. */
const deltas: fc.Arbitrary<InferenceEvent[]> = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant('text' as const), choice, text: fc.string({ unit: 'binary' }) }),
    fc.record({
      type: fc.constant('text' as const),
      choice,
      text: fc.string(),
      logprobs: fc.array(fc.record({ ...tokenFields, top: fc.array(token) }), { minLength: 1, maxLength: 2 }),
    }),
    fc.record(
      {
        type: fc.constant('reasoning' as const),
        choice,
        text: fc.string(),
        signature: fc.string(),
        redacted: fc.string(),
      },
      { requiredKeys: ['type', 'choice', 'text'] },
    ),
    fc.record(
      {
        type: fc.constant('tool-call' as const),
        choice,
        index: fc.nat(2),
        id: fc.string(),
        name: fc.string(),
        arguments: fc.string(),
      },
      { requiredKeys: ['type', 'choice', 'index', 'arguments'] },
    ),
    fc.record({ type: fc.constant('warning' as const), message: fc.string() }),
  ),
  { maxLength: 30 },
);

const USAGE = { promptTokens: 3, completionTokens: 5, cachedPromptTokens: 1 };
const ends: InferenceEvent[] = [
  { type: 'finish', choice: 1, reason: 'tool-calls' },
  { type: 'finish', choice: 0, reason: 'stop', stop: 'END' },
  { type: 'finish', choice: 2, reason: 'length' },
  { type: 'usage', usage: USAGE },
];

/** The events that a message tells, as a client reads them. */
const eventOf = (message: ServerMessage): object | undefined => {
  if (message.type === 'warning') return { type: 'warning', message: message.message };
  if (message.type !== 'delta') return undefined;
  if ('text' in message) return { type: 'text', choice: message.choice, text: message.text };
  if ('reasoning' in message) {
    const { choice: at, reasoning: text, signature, redacted } = message;
    return {
      type: 'reasoning',
      choice: at,
      text,
      ...(signature !== undefined && { signature }),
      ...(redacted !== undefined && { redacted }),
    };
  }
  return { type: 'tool-call', choice: message.choice, ...message.tool_call };
};

test('what a client reads is what the engine said, and every message is of the protocol', () => {
  fc.assert(
    fc.property(deltas, fc.string({ minLength: 1, unit: 'binary' }), (events, id) => {
      const stream = deltaStream(id, 3);
      const texts = [...events, ...ends].map((event) => stream.encode(event)).filter((text) => text !== '');
      const messages = texts.map((text) => ServerMessage.parse(JSON.parse(text)));
      expect(messages.every((message) => 'id' in message && message.id === id)).toBe(true);
      const told = events
        .filter((event) => event.type !== 'text' || event.text !== '' || event.logprobs)
        .map((event) => (event.type === 'text' ? { type: 'text', choice: event.choice, text: event.text } : event));
      expect(messages.map(eventOf)).toEqual(told);
      const finished = ServerMessage.parse({ type: 'finished', id, ...stream.end() });
      expect(finished).toMatchObject({
        choices: [
          { index: 0, finish_reason: 'stop', stop: 'END' },
          { index: 1, finish_reason: 'tool_calls' },
          { index: 2, finish_reason: 'length' },
        ],
        usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8, prompt_tokens_details: { cached_tokens: 1 } },
      });
    }),
  );
});

test('log-probabilities are those of the chat completions API', () => {
  const logprobs = [
    { id: 7, text: 'a', bytes: [97], logprob: -0.5, top: [{ text: 'b', bytes: [98], logprob: -Infinity }] },
  ];
  const text = deltaStream('a', 1).encode({ type: 'text', choice: 0, text: 'a', logprobs });
  expect(ServerMessage.parse(JSON.parse(text))).toEqual({
    type: 'delta',
    id: 'a',
    choice: 0,
    text: 'a',
    logprobs: [{ token: 'a', bytes: [97], logprob: -0.5, top_logprobs: [{ token: 'b', bytes: [98], logprob: -9999 }] }],
  });
});

test('an answer that ends too early is a failure, and so is an error event', () => {
  const stream = deltaStream('a', 2);
  stream.encode({ type: 'finish', choice: 0, reason: 'stop' });
  expect(failure(() => stream.end()).code).toBe('provider_failed');
  const error = new GolekError('engine_crashed', 'gone').toJSON();
  expect(failure(() => stream.encode({ type: 'error', error })).code).toBe('engine_crashed');
});

describe('whole results', () => {
  const start: InferenceEvent = { type: 'start', model: 'm', provider: 'p' };
  const usage: InferenceEvent = { type: 'usage', usage: { promptTokens: 4, completionTokens: 0 } };
  const told = async (
    task: 'embed' | 'rerank' | 'classify' | 'infer',
    request: Record<string, unknown>,
    events: readonly InferenceEvent[],
  ): Promise<ServerMessage[]> => {
    const call = readStart({ task, request: { model: 'm', ...request } });
    if (call.kind !== 'result') throw new Error('not a whole result');
    const result = await collect(eventsFrom([start, ...events, usage, { type: 'warning', message: 'w' }]));
    return [
      ...call.messages(result, 'a'),
      ServerMessage.parse({ type: 'finished', id: 'a', ...finishedResult(result) }),
    ].map((message) => ServerMessage.parse(JSON.parse(JSON.stringify(message))));
  };
  const rest = [
    { type: 'warning', id: 'a', message: 'w' },
    { type: 'finished', id: 'a', usage: { prompt_tokens: 4, completion_tokens: 0, total_tokens: 4 } },
  ];

  test('vectors, one message each', async () => {
    const events: InferenceEvent[] = [
      { type: 'embedding', index: 1, vector: new Float32Array([0, 2]) },
      { type: 'embedding', index: 0, vector: new Float32Array([1, 0.5]) },
    ];
    expect(await told('embed', { input: ['x', 'y'] }, events)).toEqual([
      { type: 'embedding', id: 'a', index: 0, embedding: [1, 0.5] },
      { type: 'embedding', id: 'a', index: 1, embedding: [0, 2] },
      ...rest,
    ]);
    expect((await told('embed', { input: ['x', 'y'], encoding_format: 'base64' }, events))[0]).toMatchObject({
      embedding: Buffer.from(new Float32Array([1, 0.5]).buffer).toString('base64'),
    });
    await expect(told('embed', { input: ['x', 'y', 'z'] }, events)).rejects.toMatchObject({ code: 'provider_failed' });
  });

  test('scores, the best first', async () => {
    const events: InferenceEvent[] = [
      { type: 'score', index: 0, score: 0.1 },
      { type: 'score', index: 1, score: 0.9 },
    ];
    expect(
      await told('rerank', { query: 'q', documents: ['x', 'y'], return_documents: true, top_n: 1 }, events),
    ).toEqual([
      { type: 'scores', id: 'a', results: [{ index: 1, relevance_score: 0.9, document: { text: 'y' } }] },
      ...rest,
    ]);
  });

  test('labels of each input, and of pieces of it', async () => {
    const label = { type: 'label' as const, index: 0, label: 'good', score: 0.75 };
    expect(await told('classify', { input: 'x' }, [label])).toEqual([
      { type: 'labels', id: 'a', index: 0, predictions: [{ label: 'good', score: 0.75 }] },
      ...rest,
    ]);
    expect((await told('classify', { input: 'Bonn' }, [{ ...label, start: 0, end: 4 }]))[0]).toEqual({
      type: 'labels',
      id: 'a',
      index: 0,
      entities: [{ label: 'good', score: 0.75, start: 0, end: 4, text: 'Bonn' }],
    });
  });

  test('tensors', async () => {
    const tensor = {
      name: 'y',
      type: 'INT32' as const,
      shape: [2],
      data: new Uint8Array(new Int32Array([1, -2]).buffer),
    };
    expect((await told('infer', { inputs: [] }, [{ type: 'tensor', tensor }]))[0]).toEqual({
      type: 'tensor',
      id: 'a',
      tensor: { name: 'y', type: 'INT32', shape: [2], data: [1, -2] },
    });
  });
});

test('the first message says which target answers', () => {
  const route = {
    name: 'r',
    strategy: 'weighted',
    reasons: ['x'],
    failed: [{ model: 'n', provider: 'p', code: 'rate_limited' }],
  };
  expect(
    ServerMessage.parse(startedMessage({ type: 'start', model: 'm', provider: 'p', route }, 'a', 'req_1')),
  ).toEqual({
    type: 'started',
    id: 'a',
    request_id: 'req_1',
    model: 'm',
    route: { name: 'r', strategy: 'weighted', reasons: ['x'], failed: [{ model: 'n', code: 'rate_limited' }] },
  });
});

test('a failure has the name of its parameter on the wire, and when to come back', () => {
  const error = new GolekError('unsupported', "'sampling.topK' is not supported", {
    details: { option: 'sampling.topK' },
  });
  expect(
    ServerMessage.parse(errorMessage(error, { id: 'a', requestId: 'req_1', params: { 'sampling.topK': 'top_k' } })),
  ).toEqual({
    type: 'error',
    id: 'a',
    request_id: 'req_1',
    code: 'unsupported',
    message: "'top_k' is not supported",
    param: 'top_k',
    retryable: false,
  });
  const later = errorMessage(new GolekError('rate_limited', 'later', { retryAfter: 1.5 }));
  expect(later).toEqual({
    type: 'error',
    code: 'rate_limited',
    message: 'later',
    param: null,
    retryable: true,
    retry_after: 1.5,
  });
});
