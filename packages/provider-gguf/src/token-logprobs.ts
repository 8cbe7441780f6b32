import type { TokenCandidate, TokenLogprob } from '@golek/providers-spi';
import type { TokenBytes } from './token-bytes.ts';

/** Logits of one sampled position, before any sampling setting changed them. */
export interface Observation {
  /** Pairs of token and logit: first the `top` most probable, most probable first, then the sampled token among others. */
  readonly logits: readonly number[];
  /** Sum over the vocabulary of exp(logit - greatest logit). */
  readonly weight: number;
}

/** Natural-log probabilities of the sampled token and of the `top` most probable tokens, over the whole vocabulary. */
export const logprobOf = (
  token: number,
  top: number,
  { logits, weight }: Observation,
  bytes: TokenBytes,
): TokenLogprob => {
  const pairs: { id: number; logit: number }[] = [];
  for (let i = 0; i + 1 < logits.length; i += 2) pairs.push({ id: logits[i] ?? 0, logit: logits[i + 1] ?? 0 });
  const greatest = Math.max(...pairs.map((pair) => pair.logit));
  const logWeight = Math.log(weight);
  const candidate = ({ id, logit }: { id: number; logit: number }): TokenCandidate => {
    const own = bytes.of(id);
    return { id, text: lossy.decode(own), bytes: [...own], logprob: logit - greatest - logWeight };
  };
  const chosen = pairs.find((pair) => pair.id === token);
  if (!chosen) throw new Error(`the engine gave no logit for the token ${token} that it sampled`);
  return { ...candidate(chosen), top: pairs.slice(0, top).map(candidate) };
};

const lossy = new TextDecoder('utf-8', { ignoreBOM: true });
