import type { InferenceEvent, RerankRequest } from '@golek/api';
import { countTokens } from './fake-tokens.ts';

const wordsOf = (text: string): Set<string> => new Set(text.toLowerCase().match(/\w+/g));

/** The part of the query's words that each document has, the best first, then the usage. */
export const fakeScores = ({ query, documents, top }: RerankRequest): InferenceEvent[] => {
  const wanted = wordsOf(query);
  const scores = documents.map((document, index) => {
    const score = wanted.intersection(wordsOf(document)).size / Math.max(1, wanted.size);
    return { type: 'score' as const, index, score };
  });
  const promptTokens = documents.reduce((sum, document) => sum + countTokens(query) + countTokens(document), 0);
  return [
    ...scores.sort((one, other) => other.score - one.score).slice(0, top),
    { type: 'usage', usage: { promptTokens, completionTokens: 0 } },
  ];
};
