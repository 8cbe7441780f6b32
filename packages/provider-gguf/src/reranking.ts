import { setImmediate as nextTurn } from 'node:timers/promises';
import { GolekError, type InferenceEvent, type RerankRequest, type RunContext } from '@golek/providers-spi';
import { TOKENIZED_AT_ONCE } from './embeddings.ts';
import type { EngineModel } from './engine.ts';
import type { VectorRuns } from './vector-runs.ts';

/** An open model as reranking uses it. */
export interface Reranker {
  /** Registered name, for messages. */
  readonly name: string;
  readonly model: Pick<EngineModel, 'tokenize' | 'frame'>;
  readonly runs: VectorRuns;
  /** The model's own prompt (`tokenizer.chat_template.rerank`) with `{query}` and `{document}`; absent: the pair between its special tokens. */
  readonly template: string | undefined;
  /** Whether the model's output is a probability already; a logit otherwise. */
  readonly probability: boolean;
}

type Score = Extract<InferenceEvent, { type: 'score' }>;

/** Scores from 0 to 1, the best first and of equal ones the earlier document, at most `top`; then the usage. */
export const rerank = async function* (
  reranker: Reranker,
  { query, documents, top = documents.length }: RerankRequest,
  context: RunContext,
): AsyncGenerator<InferenceEvent, void> {
  const inputs: Uint32Array[] = [];
  const promptOf = promptMaker(reranker, query);
  let characters = 0;
  for (const document of documents) {
    inputs.push(promptOf(document));
    characters += document.length;
    if (characters < TOKENIZED_AT_ONCE) continue;
    characters = 0;
    await nextTurn();
    if (context.signal.aborted) throw GolekError.from(context.signal.reason, 'cancelled');
  }
  const scores: Score[] = [];
  const rest: InferenceEvent[] = [];
  const event = ([output = Number.NaN]: Float64Array, index: number): Score => ({
    type: 'score',
    index,
    score: reranker.probability ? output : 1 / (1 + Math.exp(-output)),
  });
  for await (const made of reranker.runs.run({ span: 'rerank', what: 'document', inputs, event }, context)) {
    if (made.type !== 'score') rest.push(made);
    else if (Number.isNaN(made.score))
      throw new GolekError('provider_failed', `model '${reranker.name}' gave no number for document ${made.index}`);
    else scores.push(made);
  }
  yield* scores.sort((one, other) => other.score - one.score || one.index - other.index).slice(0, top);
  yield* rest;
};

const promptMaker = ({ model, template }: Reranker, query: string): ((document: string) => Uint32Array) => {
  if (template !== undefined) {
    // Tokenized whole, as llama-server does: a token may reach over the border of a part.
    return (document) => Uint32Array.from(model.tokenize(filled(template, { query, document }), true));
  }
  const { first, middle, last } = model.frame.pair;
  const start = [...first, ...model.tokenize(query, false), ...middle];
  return (document) => Uint32Array.from([...start, ...model.tokenize(document, false), ...last]);
};

/** In one pass, so that a query that has `{document}` in it stays as it is. */
export const filled = (template: string, values: { readonly query: string; readonly document: string }): string =>
  template.replaceAll(/\{(query|document)\}/g, (_, name: 'query' | 'document') => values[name]);
