import type { InferenceEvent, InferenceRequest, RunContext } from '@golek/providers-spi';
import { cutWarning, encodeInputs, type InputRules } from './text-inputs.ts';
import { usageOf, type RowOutput, type TextRuns } from './text-runs.ts';

type ClassifyRequest = Extract<InferenceRequest, { task: 'classify' }>;

/** An open model as classification uses it. */
export interface Classifier {
  readonly rules: InputRules;
  readonly runs: TextRuns<Float64Array>;
  /** By number; those without a name are `LABEL_n`. */
  readonly labels: readonly string[];
  /** True: each label has a probability of its own; false: they sum to 1. */
  readonly multiLabel: boolean;
}

/** The logits of one input, of an output of [rows, classes]. */
export const readLogits = ({ output, place }: RowOutput): Float64Array => {
  const size = output.dims.at(-1) ?? 0;
  return new Float64Array(output.data.subarray(place.row * size, (place.row + 1) * size));
};

export const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

export const softmax = (logits: Float64Array): Float64Array => {
  const greatest = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - greatest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
};

/** Labels with their probabilities, the best first, at most `top` of each input; a warning where inputs were cut; the usage. */
export const classify = async function* (
  { rules, runs, labels, multiLabel }: Classifier,
  { inputs, top = Infinity }: ClassifyRequest,
  context: RunContext,
): AsyncGenerator<InferenceEvent, void> {
  const encodings = await encodeInputs(rules, inputs, 'inputs', context.signal);
  const warning = cutWarning(encodings, 'inputs');
  if (warning !== undefined) yield { type: 'warning', message: warning };
  let index = 0;
  for await (const logits of runs.run(encodings, context)) {
    const scores = multiLabel || logits.length === 1 ? logits.map(sigmoid) : softmax(logits);
    const best = [...scores.entries()].sort(([, one], [, other]) => other - one).slice(0, top);
    for (const [label, score] of best) yield { type: 'label', index, label: labels[label] ?? `LABEL_${label}`, score };
    index++;
  }
  yield usageOf(encodings);
};
