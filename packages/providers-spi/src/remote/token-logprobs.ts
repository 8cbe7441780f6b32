import type { TokenCandidate, TokenLogprob } from '@golek/api';
import { asList, asObject } from './json.ts';

const isBytes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255);

/** A token with its log-probability, in OpenAI's chat form; undefined for what is none. The wire has no token ids. */
export const tokenCandidate = (value: unknown): TokenCandidate | undefined => {
  const object = asObject(value);
  const text = object?.['token'];
  const logprob = object?.['logprob'];
  if (typeof text !== 'string' || typeof logprob !== 'number') return undefined;
  const bytes = object?.['bytes'];
  return { text, bytes: isBytes(bytes) ? bytes : [...Buffer.from(text)], logprob };
};

/** A list of such tokens, each with its alternatives under `top_logprobs`. */
export const tokenLogprobs = (list: readonly unknown[]): TokenLogprob[] =>
  list.flatMap((value) => {
    const token = tokenCandidate(value);
    if (!token) return [];
    return [{ ...token, top: asList(asObject(value)?.['top_logprobs']).flatMap((one) => tokenCandidate(one) ?? []) }];
  });
