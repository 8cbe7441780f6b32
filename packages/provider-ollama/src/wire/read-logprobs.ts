import type { TokenLogprob } from '@golek/providers-spi';
import { asList, tokenLogprobs } from '@golek/providers-spi/remote';

/** Log-probabilities of the tokens of an object. */
export const readLogprobs = (value: unknown): TokenLogprob[] | undefined => {
  const tokens = tokenLogprobs(asList(value));
  return tokens.length > 0 ? tokens : undefined;
};
