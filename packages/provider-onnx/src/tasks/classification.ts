import type { ClassifyRequest, InferenceEvent, RunContext } from '@golek/providers-spi';
import { labelEvents, probabilitiesOf, type Scores } from './class-scores.ts';
import { textInputs } from './classify-inputs.ts';
import { cutWarning, encodeInputs, type InputRules } from './text-inputs.ts';
import { usageOf, type RowOutput, type TextRuns } from './text-runs.ts';

/** An open model as classification uses it. */
export interface Classifier {
  readonly rules: InputRules;
  readonly runs: TextRuns<Float64Array>;
  /** By number; those without a name are `LABEL_n`. */
  readonly labels: readonly string[];
  readonly scores: Scores;
}

/** The logits of one input, of an output of [rows, classes]. */
export const readLogits = ({ output, place }: RowOutput): Float64Array => {
  const size = output.dims.at(-1) ?? 0;
  return new Float64Array(output.data.subarray(place.row * size, (place.row + 1) * size));
};

/** Labels with their probabilities, the best first, at most `top` of each input; a warning where inputs were cut; the usage. */
export const classify = async function* (
  { rules, runs, labels, scores }: Classifier,
  { inputs, top }: ClassifyRequest,
  context: RunContext,
): AsyncGenerator<InferenceEvent, void> {
  const encodings = await encodeInputs(rules, textInputs(rules.name, inputs), 'inputs', context.signal);
  const warning = cutWarning(encodings, 'inputs');
  if (warning !== undefined) yield { type: 'warning', message: warning };
  let index = 0;
  for await (const output of runs.run(encodings, context))
    yield* labelEvents(index++, probabilitiesOf(output, scores), labels, top);
  yield usageOf(encodings);
};
