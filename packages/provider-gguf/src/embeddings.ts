import { setImmediate as nextTurn } from 'node:timers/promises';
import { GolekError, type EmbedRequest, type InferenceEvent, type RunContext } from '@golek/providers-spi';
import type { EngineModel } from './engine.ts';
import { framed } from './frame-tokens.ts';
import type { VectorRuns } from './vector-runs.ts';

/** An open model as embedding uses it. */
export interface Embedder {
  /** Registered name, for messages. */
  readonly name: string;
  readonly model: Pick<EngineModel, 'tokenize' | 'vocabulary' | 'frame'>;
  readonly runs: VectorRuns;
  /** Components of a vector. */
  readonly length: number | undefined;
}

/** Characters that are tokenized before others get their turn: generation runs on the same thread. */
export const TOKENIZED_AT_ONCE = 64 * 1024;

/** Vectors of length 1 in the order of the inputs, then the usage. */
export const embed = async function* (
  embedder: Embedder,
  { inputs, dimensions }: EmbedRequest,
  context: RunContext,
): AsyncGenerator<InferenceEvent, void> {
  const { name, runs, length } = embedder;
  if (dimensions !== undefined && length !== undefined && dimensions > length) {
    throw new GolekError(
      'invalid_request',
      `'dimensions' is ${dimensions}; the vectors of model '${name}' have ${length} components`,
      { details: { field: 'dimensions' } },
    );
  }
  const tokens: Uint32Array[] = [];
  let characters = 0;
  for (const [index, input] of inputs.entries()) {
    tokens.push(tokensOf(embedder, input, index));
    characters += input.length;
    if (characters < TOKENIZED_AT_ONCE) continue;
    characters = 0;
    await nextTurn();
    if (context.signal.aborted) throw GolekError.from(context.signal.reason, 'cancelled');
  }
  yield* runs.run(
    {
      span: 'embed',
      what: 'input',
      inputs: tokens,
      event: (vector, index) => ({ type: 'embedding', index, vector: normalized(vector, dimensions) }),
    },
    context,
  );
};

const tokensOf = ({ name, model }: Embedder, input: string | readonly number[], index: number): Uint32Array => {
  const tokens = typeof input === 'string' ? model.tokenize(input, false) : input;
  const { size } = model.vocabulary;
  const wrong = tokens.find((token) => token >= size);
  const field = `inputs[${index}]`;
  if (wrong !== undefined) {
    throw new GolekError(
      'invalid_request',
      `'${field}' has the token ${wrong}; the tokens of model '${name}' are 0 to ${size - 1}`,
      { details: { field } },
    );
  }
  if (tokens.length === 0) throw new GolekError('invalid_request', `'${field}' is empty`, { details: { field } });
  return framed(tokens, model.frame);
};

/** The first `dimensions` components, scaled to length 1; a zero vector stays one. */
export const normalized = (
  vector: ArrayLike<number>,
  dimensions: number = vector.length,
): Float32Array<ArrayBuffer> => {
  const part = Array.from({ length: Math.min(dimensions, vector.length) }, (_, i) => vector[i] ?? 0);
  const norm = Math.hypot(...part);
  return Float32Array.from(part, (component) => (norm === 0 ? 0 : component / norm));
};
