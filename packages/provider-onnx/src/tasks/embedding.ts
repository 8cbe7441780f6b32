import { GolekError, type EmbedRequest, type InferenceEvent, type RunContext } from '@golek/providers-spi';
import { finished, pooled } from './pooling.ts';
import type { Pooling } from './task-options.ts';
import { cutWarning, encodeInputs, type InputRules } from './text-inputs.ts';
import { usageOf, type RowOutput, type TextRuns } from './text-runs.ts';

/** An open model as embedding uses it. */
export interface Embedder {
  readonly rules: InputRules;
  readonly runs: TextRuns<Float64Array>;
  /** Components of a vector, where the graph says. */
  readonly length: number | undefined;
  readonly normalize: boolean;
}

/** The vector of one input, not normalised. */
export const vectorReader =
  (pooling: Pooling) =>
  ({ output, place }: RowOutput): Float64Array => {
    if (pooling !== 'graph') return pooled(output, place, pooling);
    const size = output.dims.at(-1) ?? 0;
    return new Float64Array(output.data.subarray(place.row * size, (place.row + 1) * size));
  };

/** Vectors in the order of the inputs, a warning where some were cut, the usage. */
export const embed = async function* (
  { rules, runs, length, normalize }: Embedder,
  { inputs, dimensions }: EmbedRequest,
  context: RunContext,
): AsyncGenerator<InferenceEvent, void> {
  if (length !== undefined) checkDimensions(rules, dimensions, length);
  const encodings = await encodeInputs(rules, inputs, 'inputs', context.signal);
  const warning = cutWarning(encodings, 'inputs');
  if (warning !== undefined) yield { type: 'warning', message: warning };
  let index = 0;
  for await (const vector of runs.run(encodings, context)) {
    checkDimensions(rules, dimensions, vector.length);
    yield { type: 'embedding', index: index++, vector: finished(vector, dimensions, normalize) };
  }
  yield usageOf(encodings);
};

const checkDimensions = ({ name }: InputRules, dimensions: number | undefined, length: number): void => {
  if (dimensions === undefined || dimensions <= length) return;
  throw new GolekError(
    'invalid_request',
    `'dimensions' is ${dimensions}; the vectors of model '${name}' have ${length} components`,
    { details: { field: 'dimensions' } },
  );
};
