import type { InferenceEvent } from '@golek/api';
import fc from 'fast-check';

type Delta = Extract<InferenceEvent, { type: 'text' | 'reasoning' | 'tool-call' }>;

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const token = fc.record({
  text: fc.string({ maxLength: 4 }),
  bytes: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 3 }),
  logprob: fc.constantFrom(-0.5, -3, 0),
});
const logprobs = fc.array(
  fc.tuple(token, fc.array(token, { maxLength: 2 })).map(([one, top]) => ({ ...one, top })),
  { minLength: 1, maxLength: 2 },
);

const textDelta: fc.Arbitrary<Delta> = fc.oneof(
  text.map((piece): Delta => ({ type: 'text', choice: 0, text: piece })),
  fc
    .tuple(fc.oneof(text, fc.constant('')), logprobs)
    .map(([piece, probabilities]): Delta => ({ type: 'text', choice: 0, text: piece, logprobs: probabilities })),
);
const reasoningDelta: fc.Arbitrary<Delta> = fc.oneof(
  text.map((piece): Delta => ({ type: 'reasoning', choice: 0, text: piece })),
  text.map((signature): Delta => ({ type: 'reasoning', choice: 0, text: '', signature })),
  text.map((redacted): Delta => ({ type: 'reasoning', choice: 0, text: '', redacted })),
);
const call = fc.record({ name: text, pieces: fc.array(text, { maxLength: 3 }) });

const callDeltas = (calls: readonly { readonly name: string; readonly pieces: readonly string[] }[]): Delta[] => {
  const begun = calls.map(({ name }, index): Delta => ({
    type: 'tool-call',
    choice: 0,
    index,
    id: `call_${index}`,
    name,
    arguments: '',
  }));
  // Pieces of the calls come by turns.
  const turns = Math.max(0, ...calls.map(({ pieces }) => pieces.length));
  const pieces = Array.from({ length: turns }, (_, turn) =>
    calls.flatMap(({ pieces: own }, index): Delta[] =>
      own[turn] === undefined ? [] : [{ type: 'tool-call', choice: 0, index, arguments: own[turn] }],
    ),
  );
  return [...begun, ...pieces.flat()];
};

/** The events of any answer: reasoning and text by turns, then calls whose pieces are mixed. */
export const answers: fc.Arbitrary<readonly InferenceEvent[]> = fc
  .record({
    model: text,
    parts: fc.array(fc.oneof(textDelta, reasoningDelta), { maxLength: 12 }),
    calls: fc.array(call, { maxLength: 3 }),
    reason: fc.constantFrom('stop' as const, 'length' as const, 'tool-calls' as const, 'content-filter' as const),
    warning: fc.option(text),
    usage: fc.boolean(),
  })
  .map(({ model, parts, calls, reason, warning, usage }): readonly InferenceEvent[] => [
    { type: 'start', model, provider: 'p' },
    ...parts,
    ...(warning === null ? [] : [{ type: 'warning' as const, message: warning }]),
    ...callDeltas(calls),
    { type: 'finish', choice: 0, reason },
    ...(usage ? [{ type: 'usage' as const, usage: { promptTokens: 3, completionTokens: 2, reasoningTokens: 1 } }] : []),
  ]);
