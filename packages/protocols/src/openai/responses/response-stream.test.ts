import { GolekError, type InferenceEvent } from '@golek/api';
import fc from 'fast-check';
import OpenAI from 'openai';
import { expect, expectTypeOf, test } from 'vitest';
import type { z } from 'zod';
import { failure } from '../failure.fixture.ts';
import { answers } from './answers.fixture.ts';
import { conversationMessages } from './conversation.ts';
import { conversationItems } from './input-items.ts';
import type { ConversationItem, OutputItem } from './items.ts';
import { ResponseDraft, type ResponseIdentity } from './response-draft.ts';
import { ResponseObject } from './response-object.ts';
import { readResponseRequest } from './response-request.ts';
import { responseStream, type ResponseStreamHooks } from './response-stream.ts';
import { ResponseStreamEvent } from './stream-event.ts';

const identity: ResponseIdentity = { key: 'k1', created: 1_700_000_000, now: () => 1_700_000_001 };
const call = readResponseRequest({ model: 'm', input: 'hi', include: ['reasoning.encrypted_content'] });
const NO_HOOKS: ResponseStreamHooks = { finished: (response) => response, failed: () => undefined };

type Event = z.infer<typeof ResponseStreamEvent>;

const draftOf = (events: readonly InferenceEvent[]): ResponseDraft => {
  const draft = new ResponseDraft(identity, call);
  for (const event of events) draft.take(event);
  return draft;
};

const sseOf = (events: readonly InferenceEvent[]): string => {
  const encoder = responseStream(identity, call, NO_HOOKS);
  return events.map((event) => encoder.encode(event)).join('') + encoder.end();
};

const eventsOf = (sse: string): Event[] =>
  sse
    .split('\n\n')
    .filter((block) => block.startsWith('event: '))
    .map((block) => {
      const [name = '', data = ''] = block.split('\n');
      const event = ResponseStreamEvent.parse(JSON.parse(data.slice('data: '.length)));
      expect(name).toBe(`event: ${event.type}`);
      return event;
    });

test('has the shapes of the official types', () => {
  type Whole = z.infer<typeof ResponseObject> & { output_text: string };
  expectTypeOf<Whole>().toExtend<OpenAI.Responses.Response>();
  expectTypeOf<OutputItem>().toExtend<OpenAI.Responses.ResponseOutputItem>();
  expectTypeOf<ConversationItem>().toExtend<OpenAI.Responses.ResponseItem>();
  expectTypeOf<ConversationItem>().toExtend<OpenAI.Responses.ResponseInputItem>();
  type WithText<T> = T extends { response: unknown } ? Omit<T, 'response'> & { response: Whole } : T;
  expectTypeOf<WithText<Event>>().toExtend<OpenAI.Responses.ResponseStreamEvent>();
});

test('the bytes of a stream of text', () => {
  const sse = sseOf([
    { type: 'start', model: 'tiny', provider: 'p' },
    { type: 'text', choice: 0, text: 'Hello' },
    { type: 'text', choice: 0, text: ' "wörld"\n' },
    { type: 'finish', choice: 0, reason: 'stop' },
  ]);
  const part = (text: string) =>
    `"part":{"type":"output_text","text":${JSON.stringify(text)},"annotations":[],"logprobs":[]}`;
  const place = '"item_id":"msg_k1_0","output_index":0,"content_index":0';
  const blocks = sse.split('\n\n').map((block) => block.split('\n').at(-1)?.slice('data: '.length));
  expect(blocks.slice(2, -2)).toEqual([
    '{"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"type":"message","id":"msg_k1_0","role":"assistant","status":"in_progress","content":[]}}',
    `{"type":"response.content_part.added","sequence_number":3,${place},${part('')}}`,
    `{"type":"response.output_text.delta","sequence_number":4,${place},"delta":"Hello","logprobs":[]}`,
    `{"type":"response.output_text.delta","sequence_number":5,${place},"delta":" \\"wörld\\"\\n","logprobs":[]}`,
    `{"type":"response.output_text.done","sequence_number":6,${place},"text":"Hello \\"wörld\\"\\n","logprobs":[]}`,
    `{"type":"response.content_part.done","sequence_number":7,${place},${part('Hello "wörld"\n')}}`,
    `{"type":"response.output_item.done","sequence_number":8,"output_index":0,"item":{"type":"message","id":"msg_k1_0","role":"assistant","status":"completed","content":[${part('Hello "wörld"\n').slice('"part":'.length)}]}}`,
  ]);
});

test('nothing is written before the answer begins, so that a failure can have a status', () => {
  const encoder = responseStream(identity, call, NO_HOOKS);
  expect(encoder.encode({ type: 'start', model: 'tiny', provider: 'p' })).toBe('');
  expect(encoder.encode({ type: 'text', choice: 0, text: '' })).toBe('');
  expect(encoder.encode({ type: 'text', choice: 0, text: 'x' })).toContain('response.created');
});

test('a cut stream is no success', () => {
  expect(failure(() => sseOf([{ type: 'start', model: 'tiny', provider: 'p' }]))).toMatchObject({
    code: 'provider_failed',
  });
  expect(failure(() => draftOf([{ type: 'text', choice: 0, text: 'x' }]).finish()).code).toBe('provider_failed');
  const piece: InferenceEvent = { type: 'tool-call', choice: 0, index: 0, arguments: '{' };
  expect(failure(() => sseOf([piece])).code).toBe('provider_failed');
});

test('a failure ends what is open, and tells the parameter at fault', () => {
  const failed: ResponseObject[] = [];
  const encoder = responseStream(identity, call, { ...NO_HOOKS, failed: (response) => failed.push(response) });
  const begun = encoder.encode({ type: 'text', choice: 0, text: 'x' });
  const error = new GolekError('context_length_exceeded', 'too long', { details: {} });
  const events = eventsOf(begun + encoder.fail(error, { prompt: 'input' }));
  expect(events.slice(-5).map(({ type }) => type)).toEqual([
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.failed',
    'error',
  ]);
  expect(events.at(-1)).toMatchObject({ code: 'context_length_exceeded', param: 'input', message: 'too long' });
  expect(failed).toMatchObject([{ status: 'failed', error: { code: 'invalid_prompt' } }]);
});

test('only the last call of a cut answer is incomplete', () => {
  const pieces = [0, 1].map((index): InferenceEvent => ({
    type: 'tool-call',
    choice: 0,
    index,
    id: `c${index}`,
    name: 'f',
    arguments: '{}',
  }));
  const { output, status } = draftOf([...pieces, { type: 'finish', choice: 0, reason: 'length' }]).finish();
  expect(status).toBe('incomplete');
  expect(output.map((item) => item.status)).toEqual(['completed', 'incomplete']);
});

/** A stream of the bytes that ends its chunks at these places. */
const chunked = (bytes: Uint8Array, cuts: readonly number[]): ReadableStream<Uint8Array> => {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  return new ReadableStream({
    start: (controller) => {
      for (const [index, end] of places.entries()) {
        if (index > 0) controller.enqueue(bytes.subarray(places[index - 1], end));
      }
      controller.close();
    },
  });
};

test('any answer, in chunks that end anywhere, is read by the official client as the plain response', async () => {
  await fc.assert(
    fc.asyncProperty(answers, fc.array(fc.nat(), { maxLength: 40 }), async (events, cuts) => {
      const sse = sseOf(events);
      const wire = eventsOf(sse);
      expect(wire.map(({ sequence_number }) => sequence_number)).toEqual(wire.map((_, index) => index));
      const plain = draftOf(events).finish();
      expect(ResponseObject.parse(plain)).toEqual(plain);
      const headers = { 'content-type': 'text/event-stream' };
      const client = new OpenAI({
        apiKey: 'k',
        baseURL: 'http://nowhere.invalid',
        fetch: () => Promise.resolve(new Response(chunked(new TextEncoder().encode(sse), cuts), { headers })),
      });
      const stream = client.responses.stream({ model: 'm', input: 'hi' });
      const texts: string[] = [];
      stream.on('response.output_text.delta', ({ delta }) => texts.push(delta));
      const { output_text, output_parsed: _, ...streamed } = await stream.finalResponse();
      const official = JSON.parse(
        JSON.stringify(streamed, (key, value: unknown) => (key.startsWith('parsed') ? undefined : value)),
      ) as unknown;
      expect(official).toEqual(plain);
      expect(texts.join('')).toBe(output_text);
    }),
    { numRuns: 60 },
  );
});

test('any answer can be sent back as it came, and is one conversation', () => {
  fc.assert(
    fc.property(answers, (events) => {
      const draft = draftOf(events);
      const { output } = draft.finish();
      const { input } = readResponseRequest({ model: 'm', input: JSON.parse(JSON.stringify(output)) as unknown });
      const items = conversationItems(input, 'k2', () => undefined);
      const bare = JSON.parse(
        JSON.stringify(output, (key, value: unknown) => (key === 'logprobs' ? [] : value)),
      ) as unknown;
      expect(items).toEqual(bare);
      const joined = (type: 'text' | 'reasoning'): string =>
        events.map((event) => (event.type === type ? event.text : '')).join('');
      const messages = conversationMessages(items);
      const assistant = messages.flatMap((message) => (message.role === 'assistant' ? [message] : []));
      expect(assistant).toHaveLength(messages.length);
      const parts = assistant.flatMap(({ content }) => content);
      expect(parts.map((part) => (part.type === 'text' ? part.text : '')).join('')).toBe(joined('text'));
      expect(assistant.map(({ reasoning = '' }) => reasoning).join('')).toBe(joined('reasoning'));
      const calls = assistant.flatMap(({ toolCalls = [] }) => toolCalls);
      for (const [index, { arguments: text }] of calls.entries()) {
        const pieces = events.map((event) =>
          event.type === 'tool-call' && event.index === index ? event.arguments : '',
        );
        expect(text).toBe(pieces.join(''));
      }
      const proofs = events.filter((event) => event.type === 'reasoning' && (event.signature ?? event.redacted));
      expect(assistant.flatMap(({ reasoningBlocks = [] }) => reasoningBlocks)).toHaveLength(proofs.length);
    }),
  );
});

test('a call of a function from a namespace names it, and comes back with it', () => {
  const tools = [{ type: 'namespace', name: 'mcp__a', tools: [{ type: 'function', name: 'search' }] }];
  const draft = new ResponseDraft(identity, readResponseRequest({ model: 'm', input: 'hi', tools }));
  for (const name of ['search', 'other']) {
    draft.take({ type: 'tool-call', choice: 0, index: name.length, id: name, name, arguments: '{}' });
  }
  draft.take({ type: 'finish', choice: 0, reason: 'tool-calls' });
  const { output } = ResponseObject.parse(draft.finish());
  expect(output).toMatchObject([{ name: 'search', namespace: 'mcp__a' }, { name: 'other' }]);
  expect(output[1]).not.toHaveProperty('namespace');
  const { input } = readResponseRequest({ model: 'm', input: output });
  expect(conversationItems(input, 'k2', () => undefined)).toEqual(output);
});
