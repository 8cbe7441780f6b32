import type { InferenceEvent, RerankRequest, RunContext } from '@golek/providers-spi';
import { sigmoid, softmax } from './class-scores.ts';
import { cutWarning, encodeInputs, type InputRules } from './text-inputs.ts';
import { usageOf, type TextRuns } from './text-runs.ts';

/** An open cross-encoder as reranking uses it. */
export interface Reranker {
  readonly rules: InputRules;
  readonly runs: TextRuns<Float64Array>;
}

/** Scores from 0 to 1, the best first and of equal ones the earlier document, at most `top`; a warning where documents were cut; the usage. */
export const rerank = async function* (
  { rules, runs }: Reranker,
  { query, documents, top = documents.length }: RerankRequest,
  context: RunContext,
): AsyncGenerator<InferenceEvent, void> {
  const first = rules.tokenizer.tokens(query);
  const pairs = documents.map((second) => ({ first, second }));
  const encodings = await encodeInputs(rules, pairs, 'documents', context.signal);
  const warning = cutWarning(encodings, 'documents');
  if (warning !== undefined) yield { type: 'warning', message: warning };
  const scores: { readonly index: number; readonly score: number }[] = [];
  for await (const logits of runs.run(encodings, context))
    scores.push({ index: scores.length, score: relevance(logits) });
  scores.sort((one, other) => other.score - one.score || one.index - other.index);
  for (const { index, score } of scores.slice(0, top)) yield { type: 'score', index, score };
  yield usageOf(encodings);
};

/** Of one logit its sigmoid; of two, "no" and "yes", the probability of the second. */
const relevance = (logits: Float64Array): number =>
  logits.length === 1 ? sigmoid(logits[0] as number) : (softmax(logits)[1] ?? 0);
