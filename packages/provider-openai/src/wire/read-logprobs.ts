import type { TokenLogprob } from '@golek/providers-spi';
import { asList, asObject, tokenCandidate, tokenLogprobs, type JsonObject } from '@golek/providers-spi/remote';

/** The old completions API has parallel lists; the first token of an echo has no probability. */
const completionLogprobs = (object: JsonObject): TokenLogprob[] => {
  const values = asList(object['token_logprobs']);
  const tops = asList(object['top_logprobs']);
  return asList(object['tokens']).flatMap((text, index) => {
    const candidate = tokenCandidate({ token: text, logprob: values[index] });
    if (!candidate) return [];
    const top = Object.entries(asObject(tops[index]) ?? {}).flatMap(
      ([token, logprob]) => tokenCandidate({ token, logprob }) ?? [],
    );
    return [{ ...candidate, top }];
  });
};

/** Log-probabilities of a choice, chat's or completion's form; the wire has no token ids. */
export const readLogprobs = (value: unknown): TokenLogprob[] | undefined => {
  const object = asObject(value);
  if (!object) return undefined;
  const tokens = Array.isArray(object['content']) ? tokenLogprobs(object['content']) : completionLogprobs(object);
  return tokens.length > 0 ? tokens : undefined;
};
