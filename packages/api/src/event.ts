import { z } from 'zod';
import { ErrorData } from './error-data.ts';
import { NamedTensor } from './tensor.ts';
import { Usage } from './usage.ts';

/** Why a choice ended: `stop` at the model's end of turn or a stop string, `length` at a token limit. */
export const FinishReason = z.enum(['stop', 'length', 'tool-calls', 'content-filter']);
export type FinishReason = z.infer<typeof FinishReason>;

/** One candidate token: id (absent where a remote service does not tell it), its bytes as UTF-8 (a token may be a part of a character), natural-log probability. */
export const TokenCandidate = z.strictObject({
  id: z.int().min(0).optional(),
  text: z.string(),
  bytes: z.array(z.int().min(0).max(255)),
  logprob: z.number(),
});
export type TokenCandidate = z.infer<typeof TokenCandidate>;

export const TokenLogprob = TokenCandidate.extend({ top: z.array(TokenCandidate) });
export type TokenLogprob = z.infer<typeof TokenLogprob>;

const choice = z.int().min(0);

/** How a request came to the target that answers it. */
export const RouteTaken = z
  .strictObject({
    /** The name that the request asked for. */
    name: z.string(),
    /** Absent when the name is a model's own. */
    strategy: z.string().optional(),
    /** Why this target, for people. */
    reasons: z.array(z.string()),
    /** Targets that were tried before, in order, with the code of their failure; one target may stand here several times. */
    failed: z.array(z.strictObject({ model: z.string(), provider: z.string(), code: z.string() })),
  })
  .meta({ id: 'RouteTaken' });
export type RouteTaken = z.infer<typeof RouteTaken>;

/**
 * One event of an answer. Order within a stream: `start` once and first; then deltas; `finish` once for each choice, after its last delta;
 * `usage` once, after every `finish`. A failure is thrown by the stream; the `error` event is its form where nothing can be thrown
 * (process border, NDJSON).
 */
export const InferenceEvent = z
  .discriminatedUnion('type', [
    /** The model that answers, by its registered name, and the provider that runs it. */
    z.strictObject({
      type: z.literal('start'),
      model: z.string(),
      provider: z.string(),
      route: RouteTaken.optional(),
    }),
    z.strictObject({ type: z.literal('text'), choice, text: z.string(), logprobs: z.array(TokenLogprob).optional() }),
    /** `signature` ends a block of reasoning that its service can prove to be its own; `redacted` is a whole block that it shows only encrypted. */
    z.strictObject({
      type: z.literal('reasoning'),
      choice,
      text: z.string(),
      signature: z.string().optional(),
      redacted: z.string().optional(),
    }),
    /** A piece of a tool call: the first one of an `index` has `id` and `name`; `arguments` pieces join to JSON text. */
    z.strictObject({
      type: z.literal('tool-call'),
      choice,
      index: z.int().min(0),
      id: z.string().optional(),
      name: z.string().optional(),
      arguments: z.string(),
    }),
    /** The vector of input `index`, length = the model's embedding size (or the requested dimensions). */
    z.strictObject({ type: z.literal('embedding'), index: z.int().min(0), vector: z.instanceof(Float32Array) }),
    /** Relevance of document `index`; higher is better. */
    z.strictObject({ type: z.literal('score'), index: z.int().min(0), score: z.number() }),
    /** A label of input `index` with its probability; with `start` and `end` of that piece of it: UTF-16 units of a text, milliseconds of a recording. */
    z.strictObject({
      type: z.literal('label'),
      index: z.int().min(0),
      label: z.string(),
      score: z.number(),
      start: z.int().min(0).optional(),
      end: z.int().min(0).optional(),
    }),
    z.strictObject({ type: z.literal('tensor'), tensor: NamedTensor }),
    z.strictObject({ type: z.literal('tokens'), tokens: z.array(z.int().min(0)) }),
    /** How many tokens a prompt has that is not answered. */
    z.strictObject({ type: z.literal('count'), tokens: z.int().min(0) }),
    z.strictObject({ type: z.literal('warning'), message: z.string() }),
    z.strictObject({
      type: z.literal('finish'),
      choice,
      reason: FinishReason,
      /** The stop string that ended the choice, when one did. */
      stop: z.string().optional(),
    }),
    z.strictObject({ type: z.literal('usage'), usage: Usage }),
    z.strictObject({ type: z.literal('error'), error: ErrorData }),
  ])
  .meta({ id: 'InferenceEvent' });
export type InferenceEvent = z.infer<typeof InferenceEvent>;
export type InferenceEventType = InferenceEvent['type'];
