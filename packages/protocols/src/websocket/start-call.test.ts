import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readChatRequest } from '../openai/chat-request.ts';
import { readClassifyRequest } from '../openai/classify-request.ts';
import { readCompletionRequest } from '../openai/completion-request.ts';
import { readEmbeddingRequest } from '../openai/embedding-request.ts';
import { failure } from '../openai/failure.fixture.ts';
import { readRerankRequest } from '../openai/rerank-request.ts';
import { readInferRequest } from '../tensors/index.ts';
import type { SocketTask } from './client-message.ts';
import { PARAMS_OF, readStart } from './start-call.ts';

type Body = Record<string, unknown>;
type Read =
  { readonly value: unknown } | { readonly code: string; readonly message: string; readonly details: unknown };

const text = fc.string({ minLength: 1 });
const tools = fc.constant([{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]);

/** Mostly right values, so that whole bodies are right often enough. */
const mostly = <T>(right: fc.Arbitrary<T>, wrong: unknown): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 12, arbitrary: right }, { weight: 1, arbitrary: fc.constant(wrong) });

const sampling = {
  temperature: mostly(fc.double({ min: 0, max: 2, noNaN: true }), 'hot'),
  seed: mostly(fc.integer(), 0.5),
  n: mostly(fc.integer({ min: 1, max: 4 }), 0),
  stop: mostly(fc.oneof(text, fc.array(text, { maxLength: 3 })), 7),
  max_tokens: mostly(fc.integer({ min: 1, max: 9 }), 0),
  stream: mostly(fc.constant(true), 'yes'),
  user: mostly(text, 7),
};
const roles = mostly(fc.constantFrom('system', 'user', 'assistant'), 'robot');
const bodies: Readonly<Record<SocketTask, fc.Arbitrary<Body>>> = {
  chat: fc.record(
    {
      model: text,
      messages: fc.array(fc.record({ role: roles, content: fc.string() }), { minLength: 1, maxLength: 3 }),
      tools,
      tool_choice: mostly(fc.constantFrom('auto', 'required'), 'perhaps'),
      response_format: mostly(fc.constant({ type: 'json_object' }), { type: 'xml' }),
      logprobs: mostly(fc.constant(true), 'yes'),
      ...sampling,
    },
    { requiredKeys: ['model', 'messages'] },
  ),
  complete: fc.record(
    {
      model: text,
      prompt: mostly(
        fc.oneof(fc.string(), fc.array(fc.string(), { minLength: 1 }), fc.array(fc.nat(), { minLength: 1 })),
        7,
      ),
      echo: mostly(fc.boolean(), 'yes'),
      ...sampling,
    },
    { requiredKeys: ['model', 'prompt'] },
  ),
  embed: fc.record(
    {
      model: text,
      input: mostly(fc.oneof(text, fc.array(text, { minLength: 1 })), ''),
      dimensions: mostly(fc.integer({ min: 1, max: 9 }), 0),
    },
    { requiredKeys: ['model', 'input'] },
  ),
  rerank: fc.record(
    {
      model: text,
      query: mostly(text, ''),
      documents: mostly(fc.array(fc.string(), { minLength: 1 }), []),
      top_n: mostly(fc.integer({ min: 1, max: 3 }), 0),
    },
    { requiredKeys: ['model', 'query', 'documents'] },
  ),
  classify: fc.record(
    {
      model: text,
      input: mostly(fc.oneof(fc.string(), fc.array(fc.string(), { minLength: 1 })), []),
      top_k: mostly(fc.integer({ min: 1, max: 3 }), 0),
    },
    { requiredKeys: ['model', 'input'] },
  ),
  infer: fc.record(
    {
      model: text,
      inputs: fc.array(
        fc.record({
          name: text,
          type: mostly(fc.constant('FP32'), 'F32'),
          data: fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 4 }),
        }),
        { maxLength: 3 },
      ),
      outputs: mostly(fc.array(text, { minLength: 1 }), []),
    },
    { requiredKeys: ['model', 'inputs'] },
  ),
};

const read = (run: () => unknown): Read => {
  try {
    return { value: run() };
  } catch {
    const { code, message, details } = failure(run);
    return { code, message, details };
  }
};

/** What the HTTP route of each task runs. */
const byHttp: Readonly<Record<SocketTask, (body: Body) => unknown>> = {
  chat: (body) => {
    const { request, choices, params, warnings } = readChatRequest(body);
    return { requests: [request], choices, params, warnings };
  },
  complete: (body) => {
    const { requests, choices, params, warnings, defaultMaxTokens } = readCompletionRequest(body);
    return { requests, choices, params, warnings, ...(defaultMaxTokens !== undefined && { defaultMaxTokens }) };
  },
  embed: (body) => readEmbeddingRequest(body).request,
  rerank: (body) => readRerankRequest(body).request,
  classify: (body) => readClassifyRequest(body).request,
  infer: (body) => readInferRequest(body).request,
};

const bySocket = (task: SocketTask, request: Body): unknown => {
  const call = readStart({ task, request });
  if (call.kind === 'result') return call.request;
  const { kind, ...rest } = call;
  expect(kind).toBe('generate');
  return rest;
};

describe.each(Object.keys(bodies) as SocketTask[])('%s', (task) => {
  test('is read as the HTTP route reads its body, and refused as it refuses it', () => {
    let accepted = 0;
    let refused = 0;
    fc.assert(
      fc.property(bodies[task], (body) => {
        const expected = read(() => byHttp[task](body));
        expect(read(() => bySocket(task, body))).toEqual(expected);
        if ('value' in expected) accepted += 1;
        else refused += 1;
      }),
      { numRuns: 300 },
    );
    expect(Math.min(accepted, refused)).toBeGreaterThan(0);
  });
});

test('an answer in one piece is refused by name', () => {
  const messages = [{ role: 'user', content: 'x' }];
  for (const [task, request] of [
    ['chat', { model: 'm', messages, stream: false }],
    ['complete', { model: 'm', prompt: 'x', stream: false }],
  ] as const) {
    expect(failure(() => readStart({ task, request }))).toMatchObject({
      code: 'unsupported',
      details: { path: 'stream' },
    });
  }
});

test('every task has names for its parameters', () => {
  expect(Object.keys(PARAMS_OF).sort()).toEqual(Object.keys(bodies).sort());
});
