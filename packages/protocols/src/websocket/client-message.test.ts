import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failure } from '../openai/failure.fixture.ts';
import { ClientMessage, idOf, readClientMessage } from './client-message.ts';

const headers = fc.record(
  { traceparent: fc.string(), 'x-request-id': fc.string(), 'x-golek-priority': fc.string() },
  { requiredKeys: [] },
);
const id = fc.string({ minLength: 1, maxLength: 128 });

/** What a client may send; `headers` may be left out. */
const messages: fc.Arbitrary<object> = fc.oneof(
  fc.record(
    {
      type: fc.constant('start'),
      id,
      task: fc.constantFrom('chat', 'complete', 'embed', 'rerank', 'classify', 'infer'),
      request: fc.dictionary(fc.string(), fc.jsonValue()),
      headers,
    },
    { requiredKeys: ['type', 'id', 'task', 'request'] },
  ),
  fc.record(
    {
      type: fc.constant('tool_result'),
      id,
      results: fc.array(
        fc.record(
          { tool_call_id: fc.string({ minLength: 1 }), content: fc.string(), is_error: fc.boolean() },
          { requiredKeys: ['tool_call_id', 'content'] },
        ),
        { minLength: 1, maxLength: 4 },
      ),
      tool_choice: fc.oneof(
        fc.constantFrom('none', 'auto', 'required'),
        fc.constant({ type: 'function', function: { name: 'f' } }),
      ),
      headers,
    },
    { requiredKeys: ['type', 'id', 'results'] },
  ),
  fc.record({ type: fc.constant('cancel'), id }),
  fc.record({ type: fc.constant('ping'), payload: fc.string({ maxLength: 128 }) }, { requiredKeys: ['type'] }),
);

test('every message comes through JSON unchanged', () => {
  fc.assert(
    fc.property(messages, (message) => {
      const sent: unknown = JSON.parse(JSON.stringify(message));
      expect(readClientMessage(sent)).toEqual(sent);
      expect(ClientMessage.parse(sent)).toEqual(sent);
    }),
  );
});

test('any other value is refused by a GolekError', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(failure(() => readClientMessage(value)).code).toBe('invalid_request');
    }),
  );
});

describe('what is wrong is named', () => {
  test.each([
    [
      { type: 'strat', id: 'a' },
      'invalid_request',
      'type',
      "there is no message of the type 'strat'; did you mean 'start'?",
    ],
    [{ id: 'a' }, 'invalid_request', 'type', "'type' is missing: expected one of start, tool_result, cancel, ping"],
    [
      { type: 7 },
      'invalid_request',
      'type',
      "there is no message of the type 'number'; send one of start, tool_result, cancel, ping",
    ],
    [{ type: 'cancel', id: 'a', raeson: 'x' }, 'unknown_parameter', 'raeson', "unknown key 'raeson'"],
    [{ type: 'ping', paylod: 'x' }, 'unknown_parameter', 'paylod', "unknown key 'paylod'; did you mean 'payload'?"],
    [{ type: 'cancel' }, 'invalid_request', 'id', "'id' is missing: expected string"],
    [
      { type: 'start', id: 'a', task: 'chat', request: {}, headers: { 'x-golek-prioity': '1' } },
      'unknown_parameter',
      'headers.x-golek-prioity',
      "unknown key 'headers.x-golek-prioity'; did you mean 'headers.x-golek-priority'?",
    ],
    [{ type: 'tool_result', id: 'a', results: [] }, 'invalid_request', 'results', /'results' is invalid/],
    ['start', 'invalid_request', undefined, 'a message is a JSON object; this is none'],
  ])('%j', (message, code, path, text) => {
    const error = failure(() => readClientMessage(message));
    expect(error.code).toBe(code);
    expect(error.details?.['path']).toBe(path);
    expect(error.message).toEqual(
      expect.stringMatching(typeof text === 'string' ? text.replaceAll(/[?.]/g, '\\$&') : text),
    );
  });
});

test('a message that cannot be read still has its id, where that can be an id', () => {
  expect(idOf({ type: 'strat', id: 'a' })).toBe('a');
  expect(idOf({ id: 'a'.repeat(129) })).toBeUndefined();
  expect(idOf({ id: 7 })).toBeUndefined();
  expect(idOf(null)).toBeUndefined();
});
