import {
  collect,
  GolekError,
  InferenceEvent,
  type ContentPart,
  type GenerateRequest,
  type InferenceResult,
  type Message,
} from '@golek/api';
import {
  conversationItems,
  generateRequest,
  readResponseRequest,
  ResponseDraft,
  responseStream,
} from '@golek/protocols/openai-responses';
import { SseReader } from '@golek/providers-spi/remote';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DIALECTS } from '../../dialect.ts';
import { eventsFrom } from '../../upstream.fixture.ts';
import type { WireSettings } from '../request-body.ts';
import { markProof, readProof } from './reasoning-proof.ts';
import { responseBody } from './response-body.ts';
import { ResponseReader } from './response-reader.ts';

const settings: WireSettings = {
  dialect: DIALECTS['llama-cpp'],
  stream: false,
  streamUsage: true,
  forwardUser: true,
  extra: {},
};

const context = { upstream: 'vendor', host: 'api.example.org', model: 'm', redact: (text: string) => text };

/** Any text that has something in it, surrogate pairs included. */
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const id = fc.stringMatching(/^[\w-]{1,20}$/);
const json = fc.dictionary(
  fc.string({ maxLength: 5 }).filter((key) => key !== '__proto__'),
  fc.oneof(text, fc.integer(), fc.boolean()),
);

const textPart = text.map((words): ContentPart => ({ type: 'text', text: words }));
const imagePart = fc
  .constantFrom(
    { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } as const,
    { kind: 'url', url: 'https://example.org/a.png' } as const,
  )
  .map((source): ContentPart => ({ type: 'image', source }));
const onlyText = textPart.map((part) => [part]);
const withImages = fc
  .tuple(fc.array(textPart, { maxLength: 2 }), imagePart, fc.array(fc.oneof(textPart, imagePart), { maxLength: 2 }))
  .map((parts) => parts.flat());
const content = fc.oneof(onlyText, withImages);

/** A turn with its results. A signature is what the server of the other side has marked as its own. */
const assistant = fc
  .record({
    said: fc.oneof(onlyText, fc.constant<ContentPart[]>([])),
    blocks: fc.array(fc.tuple(text, id, fc.constantFrom('content', 'summary')), { maxLength: 2 }),
    calls: fc.array(fc.record({ id, name: id, arguments: json.map((args) => JSON.stringify(args)) }), { maxLength: 2 }),
    results: content,
  })
  .filter(({ said, calls }) => said.length + calls.length > 0)
  .map(({ said, blocks, calls, results }): Message[] => [
    {
      role: 'assistant',
      content: said,
      ...(blocks.length > 0 && {
        reasoning: blocks.map(([words]) => words).join(''),
        reasoningBlocks: blocks.map(([words, proof, kind]) => ({
          text: words,
          signature: markProof({ place: 0, kind, id: proof, encrypted: `golek.signature.${proof}` }),
        })),
      }),
      ...(calls.length > 0 && { toolCalls: calls }),
    },
    ...calls.map((call): Message => ({ role: 'tool', toolCallId: call.id, content: results })),
  ]);

const messages = fc
  .tuple(
    fc.array(
      onlyText.map((words): Message => ({ role: 'system', content: words })),
      { maxLength: 2 },
    ),
    fc.array(fc.tuple(content, assistant), { maxLength: 3 }),
    content,
  )
  .map(([system, turns, last]): Message[] => [
    ...system,
    ...turns.flatMap(([asked, answered]): Message[] => [{ role: 'user', content: asked }, ...answered]),
    { role: 'user', content: last },
  ]);

const maybe = { requiredKeys: [] };

const tool = fc
  .tuple(fc.record({ name: id, strict: fc.boolean() }), fc.record({ description: text, parameters: json }, maybe))
  .map(([named, more]) => ({ ...named, ...more }));

const request = fc
  .record({
    messages,
    options: fc.record(
      {
        tools: fc.uniqueArray(tool, { minLength: 1, maxLength: 3, selector: ({ name }) => name }),
        reasoning: fc.oneof(
          fc.constant({ enabled: false }),
          fc.record({ effort: fc.constantFrom('minimal', 'low', 'high', 'max') }),
        ),
      },
      maybe,
    ),
    choice: fc.record(
      { toolChoice: fc.record({ type: fc.constantFrom('auto', 'none', 'required') }), parallelToolCalls: fc.boolean() },
      maybe,
    ),
    rest: fc.record(
      {
        sampling: fc.record({ temperature: fc.constantFrom(0, 0.5, 2), topP: fc.constantFrom(0.5, 1) }),
        output: fc.oneof(
          fc.constant({ type: 'json' }),
          fc.record({ type: fc.constant('json-schema'), name: id, schema: json }),
        ),
        maxTokens: fc.integer({ min: 1, max: 9000 }),
        logprobs: fc.record({ top: fc.nat(20) }),
        user: text,
      },
      maybe,
    ),
  })
  .map(({ messages: said, options, choice, rest }): GenerateRequest => ({
    task: 'generate',
    model: 'm',
    input: { type: 'chat', messages: said, ...options, ...(options.tools && choice) },
    ...rest,
  }));

/** What the server of the other side reads out of signatures that went through here. */
const unmarked = (given: Message): Message => {
  if (given.role !== 'assistant' || !given.reasoningBlocks) return given;
  const reasoningBlocks = given.reasoningBlocks.map((block) => {
    if (!('text' in block)) return block;
    const encrypted = readProof(block.signature)?.encrypted ?? '';
    return { text: block.text, signature: encrypted.slice('golek.signature.'.length) };
  });
  return { ...given, reasoningBlocks };
};

it('keeps everything that a request says', () => {
  fc.assert(
    fc.property(request, (asked) => {
      const warnings: InferenceEvent[] = [];
      const call = readResponseRequest(JSON.parse(responseBody(asked, 'm', settings, warnings).body));
      const again = generateRequest(
        call,
        conversationItems(call.input, 'k', () => undefined),
      );
      const input = asked.input as Extract<GenerateRequest['input'], { type: 'chat' }>;
      expect(again).toEqual({ ...asked, input: { ...input, messages: input.messages.map(unmarked) } });
      expect(warnings).toEqual([]);
      expect(call.store).toBe(false);
    }),
  );
});

type Delta = Extract<InferenceEvent, { type: 'text' | 'reasoning' | 'tool-call' }>;

const candidate = fc
  .tuple(text, fc.constantFrom(0, -0.5, -3))
  .map(([token, logprob]) => ({ text: token, bytes: [...Buffer.from(token)], logprob }));
const logprobs = fc.array(
  fc.tuple(candidate, fc.array(candidate, { maxLength: 2 })).map(([token, top]) => ({ ...token, top })),
  { minLength: 1, maxLength: 2 },
);

/** The deltas of one part of an answer. */
const said = fc
  .array(fc.tuple(text, fc.option(logprobs, { nil: undefined })), { minLength: 1, maxLength: 3 })
  .map((pieces) =>
    pieces.map(([piece, tokens]): Delta => ({
      type: 'text',
      choice: 0,
      text: piece,
      ...(tokens && { logprobs: tokens }),
    })),
  );
const thought = fc
  .tuple(fc.array(text, { minLength: 1, maxLength: 3 }), fc.option(text, { nil: undefined }))
  .map(([pieces, signature]): Delta[] => [
    ...pieces.map((piece): Delta => ({ type: 'reasoning', choice: 0, text: piece })),
    ...(signature === undefined ? [] : [{ type: 'reasoning', choice: 0, text: '', signature } as const]),
  ]);
const calls = fc
  .array(fc.record({ id, name: id, pieces: fc.array(text, { maxLength: 3 }) }), { maxLength: 3 })
  .map((list): Delta[] => [
    ...list.map(({ pieces: _, ...named }, index): Delta => ({
      type: 'tool-call',
      choice: 0,
      index,
      ...named,
      arguments: '',
    })),
    // Pieces of the calls come by turns.
    ...[0, 1, 2].flatMap((turn) =>
      list.flatMap(({ pieces }, index): Delta[] => {
        const piece = pieces[turn];
        return piece === undefined ? [] : [{ type: 'tool-call', choice: 0, index, arguments: piece }];
      }),
    ),
  ]);

const answer = fc
  .record({
    parts: fc.array(fc.oneof(said, thought), { maxLength: 4 }),
    called: calls,
    cut: fc.constantFrom(undefined, 'length' as const, 'content-filter' as const),
    counts: fc.tuple(fc.nat(100), fc.nat(100), fc.nat(100), fc.nat(100), fc.nat(100)),
  })
  .map(({ parts, called, cut, counts: [prompt, completion, cached, cacheWritten, reasoning] }): InferenceEvent[] => [
    { type: 'start', model: 'm', provider: 'p' },
    ...parts.flat(),
    ...called,
    { type: 'finish', choice: 0, reason: cut ?? (called.length > 0 ? 'tool-calls' : 'stop') },
    {
      type: 'usage',
      usage: {
        promptTokens: prompt,
        completionTokens: completion,
        cachedPromptTokens: cached,
        cacheWritePromptTokens: cacheWritten,
        reasoningTokens: reasoning,
      },
    },
  ]);

const identity = { key: 'k1', created: 1, now: () => 2 };
const call = readResponseRequest({ model: 'm', input: 'hi', include: ['reasoning.encrypted_content'] });

const streamOf = (events: readonly InferenceEvent[]): Buffer => {
  const encoder = responseStream(identity, call, { finished: (response) => response, failed: () => undefined });
  return Buffer.from(events.map((event) => encoder.encode(event)).join('') + encoder.end());
};

const wholeOf = (events: readonly InferenceEvent[]): string => {
  const draft = new ResponseDraft(identity, call);
  for (const event of events) draft.take(event);
  return JSON.stringify(draft.finish());
};

const readCut = (stream: Buffer, places: readonly number[]): InferenceEvent[] => {
  const reader = new ResponseReader('r', context);
  const records = new SseReader(1_000_000);
  const events: InferenceEvent[] = [];
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

const readAtOnce = (body: string): InferenceEvent[] => {
  const reader = new ResponseReader('r', context);
  const events: InferenceEvent[] = [];
  reader.readWhole(body, events);
  reader.end(events);
  return events;
};

const proofsOf = (events: readonly InferenceEvent[]): unknown =>
  events.flatMap((event) => (event.type === 'reasoning' && event.signature !== undefined ? [event.signature] : []));
const essence = ({ choices, usage, warnings }: InferenceResult): unknown => ({ choices, usage, warnings });

it('keeps everything that an answer says, streamed in any packets and whole', async () => {
  await fc.assert(
    fc.asyncProperty(answer, fc.array(fc.nat(100_000), { maxLength: 20 }), async (events, cuts) => {
      const wanted = essence(await collect(eventsFrom(events)));
      const stream = streamOf(events);
      const places = [...new Set(cuts.map((cut) => cut % (stream.length + 1)))].sort((a, b) => a - b);
      const streamed = readCut(stream, places);
      const whole = readAtOnce(wholeOf(events));
      for (const read of [streamed, whole]) {
        expect(essence(await collect(eventsFrom(read)))).toEqual(wanted);
        const proofs = proofsOf(read) as string[];
        expect(proofs.map((proof) => readProof(proof)?.encrypted)).toEqual(
          (proofsOf(events) as string[]).map((signature) => `golek.signature.${signature}`),
        );
      }
      expect(proofsOf(streamed)).toEqual(proofsOf(whole));
    }),
  );
});

it('keeps an answer whose packets end after any byte, and takes no beginning of it for an answer', async () => {
  const events: InferenceEvent[] = [
    { type: 'start', model: 'm', provider: 'p' },
    { type: 'reasoning', choice: 0, text: 'é 三' },
    { type: 'reasoning', choice: 0, text: '', signature: 's' },
    { type: 'text', choice: 0, text: '🎈' },
    { type: 'tool-call', choice: 0, index: 0, id: 'c', name: 'f', arguments: '{}' },
    { type: 'finish', choice: 0, reason: 'tool-calls' },
  ];
  const stream = streamOf(events);
  const wanted = essence(await collect(eventsFrom(events)));
  const lastEvent = stream.lastIndexOf('event: response.completed');
  for (let place = 0; place < stream.length; place++) {
    expect(essence(await collect(eventsFrom(readCut(stream, [place]))))).toEqual(wanted);
    if (place > lastEvent) continue;
    const reader = new ResponseReader('r', context);
    const records = new SseReader(1_000_000);
    records.push(stream.subarray(0, place));
    for (let record = records.next(); record !== undefined; record = records.next()) reader.read(record, []);
    expect(() => reader.end([])).toThrow("it ended without 'response.completed'");
  }
});

it('gives a turn back as it came, each piece of reasoning at its place', async () => {
  const output = [
    { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'a' }], encrypted_content: 'E1' },
    { type: 'message', role: 'assistant', content: 'Wait.' },
    { type: 'reasoning', id: 'rs_2', summary: [], encrypted_content: 'E2' },
    { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' },
    {
      type: 'reasoning',
      id: 'rs_3',
      summary: [],
      content: [{ type: 'reasoning_text', text: 'b' }],
      encrypted_content: 'E3',
    },
    { type: 'function_call', call_id: 'c2', name: 'g', arguments: '{}' },
  ];
  const told = output.map((item) =>
    item.type === 'message' ? { ...item, content: [{ type: 'output_text', text: 'Wait.' }] } : item,
  );
  const read = readAtOnce(JSON.stringify({ status: 'completed', output: told }));
  const { choices } = await collect(eventsFrom(read));
  const [choice] = choices;
  // As a client of Anthropic's or of the Responses API keeps it.
  let open = '';
  const reasoningBlocks = read.flatMap((event) => {
    if (event.type !== 'reasoning') return [];
    open += event.text;
    if (event.signature === undefined) return [];
    const block = { text: open, signature: event.signature };
    open = '';
    return [block];
  });
  const turn: Message = {
    role: 'assistant',
    content: [{ type: 'text', text: choice?.text ?? '' }],
    reasoning: choice?.reasoning ?? '',
    reasoningBlocks,
    toolCalls: choice?.toolCalls ?? [],
  };
  const asked: GenerateRequest = { task: 'generate', model: 'm', input: { type: 'chat', messages: [turn] } };
  const { input } = JSON.parse(responseBody(asked, 'm', settings, []).body) as { readonly input: unknown };
  expect(input).toEqual(output);
});

it('makes nothing of what is no answer but a failure by name', () => {
  const kinds = ['output_item.added', 'output_item.done', 'output_text.delta', 'reasoning_summary_text.delta'];
  const calls = ['function_call_arguments.delta', 'function_call_arguments.done', 'completed', 'incomplete', 'failed'];
  const type = fc.constantFrom(...[...kinds, ...calls, 'new'].map((name) => `response.${name}`), 'error');
  const item = fc.record(
    {
      type: fc.constantFrom('message', 'reasoning', 'function_call', 1),
      content: fc.jsonValue(),
      summary: fc.jsonValue(),
    },
    maybe,
  );
  const event = fc.record(
    {
      type,
      output_index: fc.oneof(fc.nat(2), fc.jsonValue()),
      item: fc.oneof(item, fc.jsonValue()),
      delta: fc.oneof(text, fc.jsonValue()),
      response: fc.oneof(fc.record({ output: fc.oneof(fc.array(item), fc.jsonValue()) }), fc.jsonValue()),
      arguments: fc.jsonValue(),
      logprobs: fc.jsonValue(),
    },
    maybe,
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(event, fc.jsonValue()), { maxLength: 6 }), (records) => {
      const reader = new ResponseReader('r', context);
      const events: InferenceEvent[] = [];
      try {
        for (const record of records) if (reader.read(JSON.stringify(record), events)) break;
        reader.end(events);
        expect(reader.complete).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(GolekError);
      }
      for (const one of events) InferenceEvent.parse(one);
    }),
  );
});
