import { collect, type GenerateRequest, type InferenceEvent, type Message, type Tool } from '@golek/api';
import {
  CHAT_FORM,
  GENERATE_FORM,
  ollamaStream,
  readChatRequest,
  readGenerateRequest,
  wholeAnswer,
} from '@golek/protocols/ollama';
import { LineReader } from '@golek/providers-spi/remote';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { chat, complete } from '../requests.fixture.ts';
import { AnswerObjects } from './answer-objects.ts';
import { generateBody } from './request-body.ts';

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });
const name = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 8 });
const tenths = (low: number, high: number): fc.Arbitrary<number> =>
  fc.integer({ min: low * 10, max: high * 10 }).map((value) => value / 10);
/** Keys that are no numbers: an object would put those first. */
const argumentsText = fc
  .dictionary(
    text.map((key) => `k${key}`),
    fc.jsonValue({ maxDepth: 2 }),
    { maxKeys: 3 },
  )
  .map((object) => JSON.stringify(object));

const picture = fc.constantFrom('iVBORw0KGgoAAAAA', 'R0lGODdh').map((data) => ({
  type: 'image' as const,
  source: { kind: 'base64' as const, mediaType: data.startsWith('iVBOR') ? 'image/png' : 'image/gif', data },
}));
const content = fc
  .tuple(fc.array(picture, { maxLength: 2 }), fc.option(text))
  .map(([pictures, said]) => [...pictures, ...(said === null ? [] : [{ type: 'text' as const, text: said }])]);
const plain = fc.option(text).map((said) => (said === null ? [] : [{ type: 'text' as const, text: said }]));

/** A turn with calls and their results in any order. */
const calling: fc.Arbitrary<Message[]> = fc
  .tuple(
    plain,
    fc.uniqueArray(fc.tuple(name, name, argumentsText, plain), { maxLength: 3, selector: ([id]) => id }),
    fc.option(text),
  )
  .map(([said, calls, reasoning]) => [
    {
      role: 'assistant',
      content: said,
      ...(reasoning !== null && { reasoning }),
      ...(calls.length > 0 && {
        toolCalls: calls.map(([id, called, written]) => ({ id, name: called, arguments: written })),
      }),
    },
    ...calls.toReversed().map(([id, , , result]): Message => ({ role: 'tool', content: result, toolCallId: id })),
  ]);
const messages = fc
  .tuple(
    fc.array(
      plain.map((parts): Message => ({ role: 'system', content: parts })),
      { maxLength: 1 },
    ),
    fc.array(
      fc.oneof(
        content.map((parts): Message[] => [{ role: 'user', content: parts }]),
        calling,
      ),
      {
        minLength: 1,
        maxLength: 4,
      },
    ),
  )
  .map(([system, turns]) => [...system, ...turns.flat()])
  // The ids of a conversation are unique.
  .filter((all) => {
    const ids = all
      .flatMap((message) => (message.role === 'assistant' ? (message.toolCalls ?? []) : []))
      .map(({ id }) => id);
    return new Set(ids).size === ids.length;
  });

const schema = fc.dictionary(name, fc.jsonValue({ maxDepth: 1 }), { maxKeys: 2 });
const tools: fc.Arbitrary<Tool[]> = fc.array(
  fc.record({ name, description: text, parameters: schema }, { requiredKeys: ['name', 'parameters'] }),
  { minLength: 1, maxLength: 2 },
);

const rest = fc.record(
  {
    sampling: fc.record(
      {
        temperature: tenths(0, 2),
        topP: tenths(0, 1),
        topK: fc.nat(100),
        minP: tenths(0, 1),
        seed: fc.nat(0xffffffff),
        frequencyPenalty: tenths(-2, 2),
        presencePenalty: tenths(-2, 2),
        repeatPenalty: tenths(1, 3),
        repeatLastTokens: fc.nat(100),
      },
      { requiredKeys: ['temperature'] },
    ),
    maxTokens: fc.integer({ min: 1, max: 1000 }),
    stop: fc.array(text, { minLength: 1, maxLength: 3 }),
    output: fc.oneof(
      fc.constant({ type: 'json' as const }),
      schema.map((value) => ({ type: 'json-schema' as const, schema: value })),
    ),
    logprobs: fc.record({ top: fc.nat(20) }),
  },
  { requiredKeys: [] },
);

const PLAIN = { keepAlive: undefined, parameters: {}, stream: true };

const bodyOf = (request: GenerateRequest): unknown => {
  const events: InferenceEvent[] = [];
  const { body } = generateBody(request, request.model, PLAIN, events);
  expect(events).toEqual([]);
  return JSON.parse(String(body));
};

const runOf = (request: GenerateRequest): unknown => ({
  kind: 'run',
  model: request.model,
  request,
  stream: true,
  params: expect.anything(),
  warnings: [],
});

it('a chat on the wire is read as what it was', () => {
  const input = fc.record(
    {
      type: fc.constant('chat' as const),
      messages,
      tools,
      reasoning: fc.oneof(
        fc.boolean().map((enabled) => ({ enabled })),
        fc
          .constantFrom('low' as const, 'medium' as const, 'high' as const, 'max' as const)
          .map((effort) => ({ effort })),
      ),
    },
    { requiredKeys: ['type', 'messages'] },
  );
  fc.assert(
    fc.property(name, input, rest, (model, asked, more) => {
      const request: GenerateRequest = { task: 'generate', model, input: asked, ...more };
      expect(readChatRequest(bodyOf(request))).toEqual(runOf(request));
    }),
  );
});

it('a text on the wire is read as what it was', () => {
  const input = fc.record(
    { type: fc.constant('text' as const), prompt: text, suffix: text },
    { requiredKeys: ['type', 'prompt'] },
  );
  fc.assert(
    fc.property(name, input, rest, (model, asked, more) => {
      const request: GenerateRequest = { task: 'generate', model, input: asked, ...more };
      expect(readGenerateRequest(bodyOf(request))).toEqual(runOf(request));
    }),
  );
});

const piece = fc.oneof(
  text.map((said) => [{ type: 'text' as const, choice: 0, text: said }]),
  text.map((thought) => [{ type: 'reasoning' as const, choice: 0, text: thought }]),
);
const call = fc.record({ id: name, name, written: argumentsText, cut: fc.nat(40) });
const milliseconds = fc.nat(100_000).map((value) => value / 64);
const answer = fc
  .record({
    pieces: fc.array(piece, { maxLength: 8 }),
    calls: fc.array(call, { maxLength: 3 }),
    reason: fc.constantFrom('stop' as const, 'length' as const, 'content-filter' as const),
    warnings: fc.array(text, { maxLength: 2 }),
    counts: fc.tuple(fc.nat(10_000), fc.nat(10_000)),
    times: fc.option(fc.tuple(milliseconds, milliseconds)),
  })
  .map(({ pieces, calls, reason, warnings, counts: [promptTokens, completionTokens], times }): InferenceEvent[] => [
    { type: 'start', model: 'm', provider: 'p' },
    ...pieces.flat(),
    ...calls.flatMap(({ id, name: called, written, cut }, index): InferenceEvent[] => [
      { type: 'tool-call', choice: 0, index, id, name: called, arguments: written.slice(0, cut) },
      { type: 'tool-call', choice: 0, index, arguments: written.slice(cut) },
    ]),
    ...warnings.map((message) => ({ type: 'warning' as const, message })),
    { type: 'finish', choice: 0, reason: calls.length > 0 ? 'tool-calls' : reason },
    {
      type: 'usage',
      usage: {
        promptTokens,
        completionTokens,
        ...(times && { timings: { prefillMs: times[0], decodeMs: times[1] } }),
      },
    },
  ]);

const clock = { now: () => '2026-11-23T02:00:00.000Z', elapsedMs: () => 1.5, loadMs: () => 0 };
const failures = { upstream: 'up', host: 'h', redact: (said: string) => said };

async function* from(events: readonly InferenceEvent[]): AsyncGenerator<InferenceEvent, void, undefined> {
  yield* events;
}

const START: InferenceEvent = { type: 'start', model: 'm', provider: 'p' };

it('an answer on the wire is read as what it was, wherever its packets end', async () => {
  await fc.assert(
    fc.asyncProperty(answer, fc.array(fc.nat(), { maxLength: 20 }), async (events, places) => {
      const encoder = ollamaStream(CHAT_FORM, clock, { warnings: [] });
      const bytes = Buffer.from(events.map((event) => encoder.encode(event)).join('') + encoder.end());
      const cuts = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
      const lines = new LineReader(1 << 20);
      const reader = new AnswerObjects(chat('hi'), 'r', failures);
      const read: InferenceEvent[] = [START];
      let isLast = false;
      for (const [index, from] of cuts.slice(0, -1).entries()) {
        lines.push(bytes.subarray(from, cuts[index + 1]));
        for (let line = lines.next(); line !== undefined; line = lines.next()) isLast = reader.read(line, read);
      }
      expect([isLast, lines.end()]).toEqual([true, undefined]);
      reader.end(read);
      expect(await collect(from(read))).toEqual(await collect(from(events)));
    }),
  );
});

it('a whole answer, too; without its last line it is a failure', async () => {
  await fc.assert(
    fc.asyncProperty(answer, async (events) => {
      const wanted = await collect(from(events));
      const reader = new AnswerObjects(complete('hi'), 'r', failures);
      const read: InferenceEvent[] = [START];
      reader.readWhole(wholeAnswer(wanted, GENERATE_FORM, clock, { warnings: [] }), read);
      reader.end(read);
      expect(await collect(from(read))).toEqual(wanted);
      const encoder = ollamaStream(GENERATE_FORM, clock, { warnings: [] });
      const cut = new AnswerObjects(complete('hi'), 'r', failures);
      for (const line of events
        .map((event) => encoder.encode(event))
        .join('')
        .split('\n'))
        cut.read(line, []);
      expect(() => cut.end([])).toThrow('before the object');
    }),
  );
});
