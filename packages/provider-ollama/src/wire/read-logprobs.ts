import type { TokenCandidate, TokenLogprob } from '@golek/providers-spi';
import { asList, asObject } from '@golek/providers-spi/remote';

const isBytes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255);

const candidateOf = (value: unknown): TokenCandidate | undefined => {
  const object = asObject(value);
  const text = object?.['token'];
  const logprob = object?.['logprob'];
  if (typeof text !== 'string' || typeof logprob !== 'number') return undefined;
  const bytes = object?.['bytes'];
  return { text, bytes: isBytes(bytes) ? bytes : [...Buffer.from(text)], logprob };
};

/** Log-probabilities of the tokens of an object; the wire has no token ids. */
export const readLogprobs = (value: unknown): TokenLogprob[] | undefined => {
  const tokens = asList(value).flatMap((one) => {
    const token = candidateOf(one);
    if (!token) return [];
    return [{ ...token, top: asList(asObject(one)?.['top_logprobs']).flatMap((top) => candidateOf(top) ?? []) }];
  });
  return tokens.length > 0 ? tokens : undefined;
};
