import { collect, type GenerateRequest, type InferenceEvent, type InferenceResult } from '@golek/api';
import { messageStream, readMessage, readMessagesRequest } from '@golek/protocols/anthropic';
import { SseReader } from '@golek/providers-spi/remote';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { eventsFrom } from '../upstream.fixture.ts';
import { messageBody, type WireSettings } from './message-body.ts';
import { MessageReader } from './message-reader.ts';

const settings: WireSettings = {
  stream: false,
  forwardUser: true,
  maxTokens: 4096,
  thinking: 'adaptive',
  cache: 'off',
  body: {},
};

const context = { upstream: 'vendor', host: 'api.example.org', model: 'm', redact: (text: string) => text };

/** Any text that has something in it, surrogate pairs included. */
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const id = fc.stringMatching(/^[\w-]{1,20}$/);
const json = fc.dictionary(
  fc.string({ maxLength: 5 }).filter((key) => key !== '__proto__'),
  fc.oneof(text, fc.integer(), fc.boolean()),
);
const optional = { requiredKeys: [] };

const textBlock = fc.record({ type: fc.constant('text'), text });
const imageBlock = fc.record({
  type: fc.constant('image'),
  source: fc.oneof(
    fc.record({
      type: fc.constant('base64'),
      media_type: fc.constantFrom('image/png', 'image/webp'),
      data: fc.constant('AAAA'),
    }),
    fc.record({ type: fc.constant('url'), url: fc.constant('https://example.org/a.png') }),
  ),
});
const toolResult = fc
  .record({
    tool_use_id: id,
    content: fc.array(fc.oneof(textBlock, imageBlock), { maxLength: 2 }),
    is_error: fc.option(fc.boolean(), { nil: undefined }),
  })
  .map((fields) => ({ type: 'tool_result', ...fields }));
const reasoningBlock = fc.oneof(
  fc.record({ type: fc.constant('thinking'), thinking: text, signature: text }),
  fc.record({ type: fc.constant('redacted_thinking'), data: text }),
);
const toolUse = fc.record({ type: fc.constant('tool_use'), id, name: id, input: json });

const userContent = fc.array(fc.oneof(textBlock, imageBlock, toolResult), { minLength: 1, maxLength: 4 });
const assistantContent = fc
  .tuple(
    fc.array(reasoningBlock, { maxLength: 2 }),
    fc.array(textBlock, { minLength: 1, maxLength: 2 }),
    fc.array(toolUse, { maxLength: 2 }),
  )
  .map((parts) => parts.flat());

const turns = fc.array(fc.tuple(userContent, assistantContent), { minLength: 1, maxLength: 3 }).map((pairs) =>
  pairs.flatMap(([user, assistant]) => [
    { role: 'user', content: user },
    { role: 'assistant', content: assistant },
  ]),
);

const single = fc.option(fc.constant(true), { nil: undefined });
const tools = fc.record(
  {
    tools: fc.array(
      fc
        .tuple(fc.record({ name: id, description: text, strict: fc.boolean() }, { requiredKeys: ['name'] }), json)
        .map(([fields, properties]) => ({ ...fields, input_schema: { type: 'object', properties } })),
      { minLength: 1, maxLength: 3 },
    ),
    tool_choice: fc.oneof(
      fc.record({ type: fc.constantFrom('auto', 'any'), disable_parallel_tool_use: single }),
      fc.record({ type: fc.constant('tool'), name: id, disable_parallel_tool_use: single }),
      fc.record({ type: fc.constant('none') }),
    ),
  },
  { requiredKeys: ['tools'] },
);

const body = fc
  .tuple(
    fc.record({ model: fc.constant('m'), max_tokens: fc.integer({ min: 5000, max: 9000 }), messages: turns }),
    fc.record(
      {
        system: fc.array(textBlock, { minLength: 1, maxLength: 2 }),
        stop_sequences: fc.array(text, { minLength: 1, maxLength: 3 }),
        temperature: fc.constantFrom(0, 0.5, 1),
        top_p: fc.constantFrom(0.1, 1),
        top_k: fc.nat(100),
        metadata: fc.record({ user_id: text }),
        thinking: fc.oneof(
          fc.record({ type: fc.constant('enabled'), budget_tokens: fc.integer({ min: 1024, max: 4000 }) }),
          fc.record({ type: fc.constantFrom('adaptive', 'disabled') }),
        ),
        output_config: fc.oneof(
          fc.record({ effort: fc.constantFrom('low', 'medium', 'high', 'xhigh', 'max') }),
          fc.record({ format: fc.record({ type: fc.constant('json_schema'), schema: json }) }),
        ),
      },
      optional,
    ),
    fc.oneof(fc.constant({}), tools),
  )
  .map(([required, fields, offered]) => JSON.parse(JSON.stringify({ ...required, ...fields, ...offered })) as object);

it('keeps everything that a request says', () => {
  fc.assert(
    fc.property(body, (sent) => {
      const warnings: InferenceEvent[] = [];
      const { request } = readMessagesRequest(sent);
      const { body: again } = messageBody(request, 'm', settings, warnings);
      expect(JSON.parse(again)).toEqual(sent);
      expect(warnings).toEqual([]);
    }),
  );
});

type Delta = Extract<InferenceEvent, { type: 'text' | 'reasoning' | 'tool-call' }>;

/** The pieces of one block. */
const block = fc.oneof(
  fc.array(text, { minLength: 1, maxLength: 3 }).map((pieces) => ({ kind: 'text' as const, pieces })),
  fc
    .tuple(fc.array(text, { minLength: 1, maxLength: 3 }), fc.option(text, { nil: undefined }))
    .map(([pieces, signature]) => ({ kind: 'reasoning' as const, pieces, signature })),
  text.map((redacted) => ({ kind: 'redacted' as const, redacted })),
  fc.tuple(id, id, json).map(([callId, name, input]) => ({ kind: 'call' as const, callId, name, input })),
);

const deltasOf = (blocks: readonly (typeof block extends fc.Arbitrary<infer B> ? B : never)[]): Delta[] => {
  let calls = 0;
  return blocks.flatMap((one): Delta[] => {
    switch (one.kind) {
      case 'text':
        return one.pieces.map((piece) => ({ type: 'text', choice: 0, text: piece }));
      case 'reasoning':
        return [
          ...one.pieces.map((piece): Delta => ({ type: 'reasoning', choice: 0, text: piece })),
          ...(one.signature === undefined
            ? []
            : [{ type: 'reasoning', choice: 0, text: '', signature: one.signature } as const]),
        ];
      case 'redacted':
        return [{ type: 'reasoning', choice: 0, text: '', redacted: one.redacted }];
      case 'call': {
        const index = calls++;
        const written = JSON.stringify(one.input);
        const middle = written.length >> 1;
        return [
          { type: 'tool-call', choice: 0, index, id: one.callId, name: one.name, arguments: '' },
          { type: 'tool-call', choice: 0, index, arguments: written.slice(0, middle) },
          { type: 'tool-call', choice: 0, index, arguments: written.slice(middle) },
        ];
      }
    }
  });
};

const answer = fc
  .tuple(
    fc.array(block, { maxLength: 5 }).map(deltasOf),
    fc.oneof(
      fc.record({ reason: fc.constantFrom('stop', 'length', 'tool-calls', 'content-filter') }),
      fc.record({ reason: fc.constant('stop'), stop: text }),
    ),
    fc.tuple(fc.nat(100), fc.nat(100), fc.nat(100), fc.nat(100)),
  )
  .map(([deltas, end, [cached, written, fresh, completionTokens]]): InferenceEvent[] => [
    { type: 'start', model: 'm', provider: 'p' },
    ...deltas,
    { type: 'finish', choice: 0, ...(end as { reason: 'stop' }) },
    {
      type: 'usage',
      usage: {
        promptTokens: cached + written + fresh,
        completionTokens,
        cachedPromptTokens: cached,
        cacheWritePromptTokens: written,
      },
    },
  ]);

/** What became of the reasoning's blocks, which a collected answer does not have. */
const blocksOf = (events: readonly InferenceEvent[]): unknown =>
  events.flatMap((event) => {
    if (event.type !== 'reasoning') return [];
    return [event.signature ?? event.redacted ?? []].flat();
  });

const essence = ({ choices, usage, warnings }: InferenceResult): unknown => ({
  choices: choices.map((choice) => ({
    ...choice,
    // The same JSON; a whole answer has it parsed.
    toolCalls: choice.toolCalls.map((call) => ({ ...call, arguments: JSON.parse(call.arguments || '{}') as unknown })),
  })),
  usage,
  warnings,
});

const readCut = (stream: Buffer, cuts: readonly number[]): InferenceEvent[] => {
  const reader = new MessageReader('r', context);
  const records = new SseReader(1_000_000);
  const events: InferenceEvent[] = [];
  const places = [...new Set(cuts.map((cut) => cut % (stream.length + 1)))].sort((a, b) => a - b);
  let ended = false;
  for (const [index, from] of [0, ...places].entries()) {
    records.push(stream.subarray(from, places[index] ?? stream.length));
    for (let record = records.next(); record !== undefined; record = records.next()) {
      ended = reader.read(record, events);
    }
  }
  expect(ended).toBe(true);
  reader.end(events);
  return events;
};

it('keeps everything that an answer says, streamed in any packets and whole', async () => {
  await fc.assert(
    fc.asyncProperty(answer, fc.array(fc.nat(100_000), { maxLength: 20 }), async (events, cuts) => {
      const wanted = essence(await collect(eventsFrom(events)));
      const encoder = messageStream({ id: 'a' });
      const stream = Buffer.from(events.map((event) => encoder.encode(event)).join('') + encoder.end());
      const streamed = readCut(stream, cuts);
      expect(essence(await collect(eventsFrom(streamed)))).toEqual(wanted);
      expect(blocksOf(streamed)).toEqual(blocksOf(events));

      const reader = new MessageReader('r', context);
      const whole: InferenceEvent[] = [];
      reader.readWhole(await readMessage(eventsFrom(events), { id: 'a' }), whole);
      reader.end(whole);
      expect(essence(await collect(eventsFrom(whole)))).toEqual(wanted);
      expect(blocksOf(whole)).toEqual(blocksOf(events));
    }),
  );
});

it('has no other order of a request than that of the blocks', () => {
  const content = [
    { type: 'tool_use', id: 'c', name: 'f', input: {} },
    { type: 'text', text: 'after' },
  ];
  const messages = [
    { role: 'user', content: 'hi' },
    { role: 'assistant', content },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c' }] },
  ];
  const { request }: { request: GenerateRequest } = readMessagesRequest({ model: 'm', max_tokens: 1, messages });
  const { messages: sent } = JSON.parse(messageBody(request, 'm', settings, []).body) as { messages: object[] };
  expect(sent[1]).toEqual({ role: 'assistant', content: content.toReversed() });
});
