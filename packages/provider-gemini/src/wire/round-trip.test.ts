import type { Content, Part } from '@google/genai';
import {
  collect,
  type ContentPart,
  type GenerateRequest,
  type InferenceEvent,
  type Message,
  type ReasoningBlock,
} from '@golek/api';
import { readMessage, readMessagesRequest } from '@golek/protocols/anthropic';
import { SseReader } from '@golek/providers-spi/remote';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { chat, chatInput, eventsFrom } from '../upstream.fixture.ts';
import { CandidatesReader } from './candidates-reader.ts';
import { generateBody, type WireSettings } from './request-body.ts';
import { markSignature } from './signed-place.ts';

const settings: WireSettings = {
  stream: true,
  thinking: 'level',
  signatures: 'optional',
  schemas: 'json-schema',
  body: {},
};

const context = { upstream: 'vendor', host: 'api.example.org', model: 'm', redact: (text: string) => text };

/** Any text that has something in it, surrogate pairs included. */
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const id = fc.stringMatching(/^\w{1,20}$/);
const signature = fc.base64String({ minLength: 4, maxLength: 12 });
/** With a signature or without the field. */
const signed = fc.record({ thoughtSignature: signature }, { requiredKeys: [] });
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const json = fc.dictionary(
  fc.string({ maxLength: 5 }).filter((key) => key !== '__proto__'),
  fc.oneof(text, fc.integer(), fc.boolean()),
);

interface Body {
  readonly systemInstruction?: Content;
  readonly contents: readonly Content[];
}

const written = (messages: Message[]): { readonly body: Body; readonly warnings: readonly InferenceEvent[] } => {
  const warnings: InferenceEvent[] = [];
  const request = chat('', { input: chatInput('', { messages }) });
  const body = JSON.parse(generateBody(request, 'm', settings, warnings).body) as Body;
  return { body, warnings };
};

const textPart = text.map((words) => ({ type: 'text' as const, text: words }));
const imagePart = fc
  .tuple(fc.constantFrom('image/png', 'audio/wav'), fc.constantFrom('AAAA', 'BBBB'))
  .map(([mediaType, data]) => ({ type: 'image' as const, source: { kind: 'base64' as const, mediaType, data } }));

/** A question, the turn of the model, and the results of its calls. */
const exchange = fc
  .record({
    asked: fc.array(fc.oneof(textPart, imagePart), { minLength: 1, maxLength: 3 }),
    thoughts: fc.array(fc.tuple(text, signature), { maxLength: 2 }),
    said: fc.array(textPart, { minLength: 1, maxLength: 2 }),
    signedText: maybe(signature),
    signedEnd: maybe(signature),
    calls: fc.array(
      fc.record({ name: id, input: json, signed: maybe(signature), output: text, failed: fc.boolean() }),
      {
        maxLength: 3,
      },
    ),
  })
  .map(({ asked, thoughts, said, signedText, signedEnd, calls }) => (turn: number): Message[] => {
    const blocks: ReasoningBlock[] = [
      ...thoughts.map(([words, proof]) => ({ text: words, signature: markSignature('thought', proof) })),
      ...(signedText === undefined ? [] : [{ text: '', signature: markSignature('text', signedText) }]),
      ...(signedEnd === undefined ? [] : [{ text: '', signature: markSignature('end', signedEnd) }]),
      ...calls.flatMap(({ signed }, index) =>
        signed === undefined ? [] : [{ text: '', signature: markSignature(index, signed) }],
      ),
    ];
    const idOf = (index: number): string => `call-${turn}-${index}`;
    return [
      { role: 'user', content: asked },
      {
        role: 'assistant',
        content: said,
        ...(blocks.length > 0 && { reasoningBlocks: blocks }),
        ...(calls.length > 0 && {
          toolCalls: calls.map(({ name, input }, index) => ({
            id: idOf(index),
            name,
            arguments: JSON.stringify(input),
          })),
        }),
      },
      ...calls.map(({ output, failed }, index): Message => ({
        role: 'tool',
        toolCallId: idOf(index),
        content: [{ type: 'text', text: output }],
        ...(failed && { isError: true }),
      })),
    ];
  });

const conversation = fc
  .tuple(fc.array(textPart, { maxLength: 2 }), fc.array(exchange, { minLength: 1, maxLength: 3 }))
  .map(([system, exchanges]): Message[] => [
    ...(system.length > 0 ? [{ role: 'system' as const, content: system }] : []),
    ...exchanges.flatMap((make, turn) => make(turn)),
  ]);

const contentPart = (part: Part): ContentPart =>
  part.inlineData
    ? {
        type: 'image',
        source: { kind: 'base64', mediaType: part.inlineData.mimeType ?? '', data: part.inlineData.data ?? '' },
      }
    : { type: 'text', text: part.text ?? '' };

/** The turn of the model, read as the API's documentation has it. */
const readTurn = (parts: readonly Part[]): Message => {
  const calls = parts.filter(({ functionCall }) => functionCall);
  const said = parts.filter((part) => part.thought !== true && part.text !== undefined && part.text !== '');
  const blocks = parts.flatMap((part): ReasoningBlock[] => {
    if (part.thoughtSignature === undefined) return [];
    if (part.thought === true)
      return [{ text: part.text ?? '', signature: markSignature('thought', part.thoughtSignature) }];
    const place = part.functionCall ? calls.indexOf(part) : part.text === '' ? 'end' : 'text';
    return [{ text: '', signature: markSignature(place, part.thoughtSignature) }];
  });
  return {
    role: 'assistant',
    content: said.map(contentPart),
    ...(blocks.length > 0 && { reasoningBlocks: blocks }),
    ...(calls.length > 0 && {
      toolCalls: calls.map(({ functionCall }) => ({
        id: functionCall?.id ?? '',
        name: functionCall?.name ?? '',
        arguments: JSON.stringify(functionCall?.args),
      })),
    }),
  };
};

const readConversation = ({ systemInstruction, contents }: Body): Message[] => [
  ...(systemInstruction?.parts ? [{ role: 'system' as const, content: systemInstruction.parts.map(contentPart) }] : []),
  ...contents.flatMap(({ role, parts = [] }): Message[] => {
    if (role === 'model') return [readTurn(parts)];
    if (!parts[0]?.functionResponse) return [{ role: 'user', content: parts.map(contentPart) }];
    return parts.map(({ functionResponse }): Message => {
      const { output, error } = functionResponse?.response as { readonly output?: string; readonly error?: string };
      return {
        role: 'tool',
        toolCallId: functionResponse?.id ?? '',
        content: [{ type: 'text', text: output ?? error ?? '' }],
        ...(error !== undefined && { isError: true }),
      };
    });
  }),
];

it('keeps everything that a conversation says', () => {
  fc.assert(
    fc.property(conversation, (messages) => {
      const { body, warnings } = written(messages);
      expect(warnings).toEqual([]);
      expect(readConversation(body)).toEqual(messages);
      for (const { parts = [] } of body.contents) {
        for (const { functionResponse } of parts) {
          // The name is that of the call.
          if (functionResponse)
            expect(JSON.stringify(messages)).toContain(`"name":${JSON.stringify(functionResponse.name)}`);
        }
      }
    }),
  );
});

/** A whole turn of the model in the order of the canonical one. */
const turn = fc
  .record({
    thoughts: fc.array(fc.record({ text, thought: fc.constant(true), thoughtSignature: signature }), { maxLength: 2 }),
    said: fc.tuple(text, signed).map(([words, proof]): Part[] => [{ text: words, ...proof }]),
    end: fc.array(fc.record({ text: fc.constant(''), thoughtSignature: signature }), { maxLength: 1 }),
    calls: fc.array(
      fc
        .tuple(fc.record({ id, name: id, args: json }), signed)
        .map(([functionCall, proof]): Part => ({ functionCall, ...proof })),
      { maxLength: 3 },
    ),
  })
  .map(({ thoughts, said, end, calls }): Part[] => [...thoughts, ...said, ...end, ...calls]);

const usageMetadata = fc.record({
  promptTokenCount: fc.nat(100),
  candidatesTokenCount: fc.nat(100),
  thoughtsTokenCount: fc.nat(100),
  cachedContentTokenCount: fc.nat(100),
});

const answer = fc.record({
  parts: turn,
  finishReason: fc.constantFrom('STOP', 'MAX_TOKENS', 'SAFETY'),
  usageMetadata,
  newline: fc.constantFrom('\n', '\r\n'),
});

type Answer = typeof answer extends fc.Arbitrary<infer A> ? A : never;

/** One part in a chunk, text in pieces of a character; the last chunk has the end. */
const streamOf = ({ parts, finishReason, usageMetadata: usage, newline }: Answer): Buffer => {
  const pieces = parts.flatMap((part) => {
    const characters = part.thought === true || !part.text ? [] : Array.from(part.text);
    if (characters.length < 2) return [part];
    const { text: _, ...rest } = part;
    return characters.map((character, index) => ({
      text: character,
      ...(index === characters.length - 1 && rest),
    }));
  });
  const chunks = [
    ...pieces.map((part) => ({ candidates: [{ content: { role: 'model', parts: [part] } }] })),
    { candidates: [{ content: { role: 'model' }, finishReason, index: 0 }], usageMetadata: usage },
  ];
  return Buffer.from(chunks.map((chunk) => `data: ${JSON.stringify(chunk)}${newline}${newline}`).join(''));
};

const readCut = (stream: Buffer, cuts: readonly number[]): InferenceEvent[] => {
  const reader = new CandidatesReader(1, 'r', context);
  const records = new SseReader(1_000_000);
  const events: InferenceEvent[] = [];
  const places = [...new Set(cuts.map((cut) => cut % (stream.length + 1)))].sort((a, b) => a - b);
  for (const [index, from] of [0, ...places].entries()) {
    records.push(stream.subarray(from, places[index] ?? stream.length));
    for (let record = records.next(); record !== undefined; record = records.next()) reader.read(record, events);
  }
  expect(reader.complete).toBe(true);
  reader.end(events);
  return events;
};

const readAtOnce = ({ parts, finishReason, usageMetadata: usage }: Answer): InferenceEvent[] => {
  const reader = new CandidatesReader(1, 'r', context);
  const events: InferenceEvent[] = [];
  const candidates = [{ content: { role: 'model', parts }, finishReason }];
  reader.readWhole(JSON.stringify({ candidates, usageMetadata: usage }), events);
  reader.end(events);
  return events;
};

const textOf = (parts: readonly Part[], thought: boolean): string =>
  parts
    .filter((part) => (part.thought === true) === thought)
    .map((part) => part.text ?? '')
    .join('');

it('keeps everything that an answer says, streamed in any packets and whole', async () => {
  await fc.assert(
    fc.asyncProperty(answer, fc.array(fc.nat(100_000), { maxLength: 20 }), async (given, cuts) => {
      const { parts, finishReason, usageMetadata: counts } = given;
      const wholeEvents = readAtOnce(given);
      const whole = await collect(eventsFrom(wholeEvents));
      const calls = parts.flatMap(({ functionCall }) => functionCall ?? []);
      const reasons = {
        STOP: calls.length > 0 ? 'tool-calls' : 'stop',
        MAX_TOKENS: 'length',
        SAFETY: 'content-filter',
      };
      expect(whole).toMatchObject({
        choices: [
          {
            text: textOf(parts, false),
            reasoning: textOf(parts, true),
            finish: reasons[finishReason],
            toolCalls: calls.map((call) => ({ id: call.id, name: call.name, arguments: JSON.stringify(call.args) })),
          },
        ],
        usage: {
          promptTokens: counts.promptTokenCount,
          completionTokens: counts.candidatesTokenCount + counts.thoughtsTokenCount,
          reasoningTokens: counts.thoughtsTokenCount,
          cachedPromptTokens: counts.cachedContentTokenCount,
        },
        warnings: [],
      });
      const streamed = readCut(streamOf(given), cuts);
      expect(await collect(eventsFrom(streamed))).toEqual(whole);
      const signatures = (events: readonly InferenceEvent[]): unknown =>
        events.flatMap((event) => (event.type === 'reasoning' ? (event.signature ?? []) : []));
      expect(signatures(streamed)).toEqual(signatures(wholeEvents));
    }),
  );
});

/** What the service finds of its turn when the conversation comes back. */
const returned = (request: GenerateRequest): readonly Part[] => {
  const { body, warnings } = written((request.input as Extract<GenerateRequest['input'], { type: 'chat' }>).messages);
  expect(warnings).toEqual([]);
  return body.contents[1]?.parts ?? [];
};

it('gives a turn back as it came, each signature in its part, through a client of another protocol', async () => {
  await fc.assert(
    fc.asyncProperty(answer, async (given) => {
      const read = readCut(streamOf(given), []);
      const events: InferenceEvent[] = [{ type: 'start', model: 'm', provider: 'p' }, ...read];
      const { content } = JSON.parse(await readMessage(eventsFrom(events), { id: 'a' })) as { content: object[] };
      const { request } = readMessagesRequest({
        model: 'm',
        max_tokens: 1,
        messages: [
          { role: 'user', content: 'hi' },
          { role: 'assistant', content: content.map((block) => JSON.parse(JSON.stringify(block)) as object) },
        ],
      });
      expect(returned(request)).toEqual(JSON.parse(JSON.stringify(given.parts)));
    }),
  );
});
