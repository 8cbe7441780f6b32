import type { InferenceEvent } from '@golek/providers-spi';

export const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

export const softmax = (logits: Float64Array): Float64Array => {
  const greatest = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - greatest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
};

/** What the numbers that a graph gives are made into: `given` are probabilities already. */
export const SCORES = ['softmax', 'sigmoid', 'given'] as const;
export type Scores = (typeof SCORES)[number];

/** The probabilities of classes. One alone cannot be one of several, whatever is asked for. */
export const probabilitiesOf = (output: Float64Array, scores: Scores): Float64Array => {
  if (scores === 'given') return output;
  return scores === 'sigmoid' || output.length === 1 ? output.map(sigmoid) : softmax(output);
};

/** The labels of input `index`, the best first, at most `top`. Those without a name are `LABEL_n`. */
export const labelEvents = function* (
  index: number,
  scores: Float64Array,
  labels: readonly string[],
  top = Infinity,
): Generator<InferenceEvent, void> {
  const best = [...scores.entries()].sort(([, one], [, other]) => other - one).slice(0, top);
  for (const [label, score] of best) yield { type: 'label', index, label: labels[label] ?? `LABEL_${label}`, score };
};

/** At most `top` of what was found, the most certain ones, in the order in which they were found. */
export const mostCertain = <T extends { readonly score: number }>(
  found: readonly T[],
  top: number | undefined,
): readonly T[] => {
  if (top === undefined || found.length <= top) return found;
  const kept = new Set([...found].sort((one, other) => other.score - one.score).slice(0, top));
  return found.filter((one) => kept.has(one));
};
