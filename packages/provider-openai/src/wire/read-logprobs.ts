import type { TokenCandidate, TokenLogprob } from '@golek/providers-spi';
import { asList, asObject, asText, type JsonObject } from '@golek/providers-spi/remote';

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

const chatLogprobs = (content: readonly unknown[]): TokenLogprob[] =>
  content.flatMap((value) => {
    const token = candidateOf(value);
    if (!token) return [];
    return [{ ...token, top: asList(asObject(value)?.['top_logprobs']).flatMap((one) => candidateOf(one) ?? []) }];
  });

/** The old completions API has parallel lists; the first token of an echo has no probability. */
const completionLogprobs = (object: JsonObject): TokenLogprob[] => {
  const values = asList(object['token_logprobs']);
  const tops = asList(object['top_logprobs']);
  return asList(object['tokens']).flatMap((text, index) => {
    const candidate = candidateOf({ token: text, logprob: values[index] });
    if (!candidate) return [];
    const top = Object.entries(asObject(tops[index]) ?? {}).flatMap(
      ([token, logprob]) => candidateOf({ token, logprob }) ?? [],
    );
    return [{ ...candidate, top }];
  });
};

/** Log-probabilities of a choice, chat's or completion's form; the wire has no token ids. */
export const readLogprobs = (value: unknown): TokenLogprob[] | undefined => {
  const object = asObject(value);
  if (!object) return undefined;
  const tokens = Array.isArray(object['content']) ? chatLogprobs(object['content']) : completionLogprobs(object);
  return tokens.length > 0 ? tokens : undefined;
};

/** Text of a content that may be a string or a list of parts. */
export const readContent = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value === '' ? undefined : value;
  return asText(
    asList(value)
      .map((part) => asText(asObject(part)?.['text']) ?? '')
      .join(''),
  );
};
