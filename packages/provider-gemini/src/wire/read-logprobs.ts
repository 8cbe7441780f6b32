import type { TokenCandidate, TokenLogprob } from '@golek/providers-spi';
import { asCount, asList, asObject } from '@golek/providers-spi/remote';

const readCandidate = (value: unknown): TokenCandidate | undefined => {
  const object = asObject(value);
  const text = object?.['token'];
  // A probability of 1 has the logarithm 0, and 0 may be left out on this wire.
  const logprob = object?.['logProbability'] ?? 0;
  if (typeof text !== 'string' || typeof logprob !== 'number') return undefined;
  const id = asCount(object?.['tokenId']);
  return { ...(id !== undefined && { id }), text, bytes: [...Buffer.from(text)], logprob };
};

/** Log-probabilities of a candidate: a list of what was chosen, and beside it one of the most probable at each step. */
export const readLogprobs = (value: unknown): TokenLogprob[] | undefined => {
  const object = asObject(value);
  const tops = asList(object?.['topCandidates']);
  const tokens = asList(object?.['chosenCandidates']).flatMap((chosen, step) => {
    const token = readCandidate(chosen);
    if (!token) return [];
    const top = asList(asObject(tops[step])?.['candidates']).flatMap((one) => readCandidate(one) ?? []);
    return [{ ...token, top }];
  });
  return tokens.length > 0 ? tokens : undefined;
};
