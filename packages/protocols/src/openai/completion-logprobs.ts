import type { TokenCandidate, TokenLogprob } from '@golek/api';
import { z } from 'zod';
import { finiteLogprob } from './token-logprobs.ts';

/** Log-probabilities in the form of the old completions API: parallel arrays. */
export const CompletionLogprobs = z
  .strictObject({
    tokens: z.array(z.string()),
    token_logprobs: z.array(z.number()),
    top_logprobs: z.array(z.record(z.string(), z.number())).nullable(),
    text_offset: z.array(z.int()).describe('Where each token starts in the text of the answer, in UTF-16 units.'),
  })
  .meta({ id: 'CompletionLogprobs' });
type CompletionLogprobs = z.infer<typeof CompletionLogprobs>;

const REPLACEMENT = '\u{FFFD}';

/** A token that is a part of a character is named by its bytes, as OpenAI does, so that two of them stay apart. */
const tokenName = ({ text, bytes }: TokenCandidate): string =>
  text.includes(REPLACEMENT)
    ? `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`
    : text;

/** UTF-16 units of the characters that start in these UTF-8 bytes. */
const units = (bytes: readonly number[]): number => {
  let count = 0;
  for (const byte of bytes) if ((byte & 0xc0) !== 0x80) count += byte >= 0xf0 ? 2 : 1;
  return count;
};

/** `offset`: where the first token starts. `top`: whether the most probable tokens were asked for. */
export const completionLogprobs = (
  tokens: readonly TokenLogprob[],
  offset: number,
  top: boolean,
): { logprobs: CompletionLogprobs; offset: number } => {
  let position = offset;
  const offsets = tokens.map(({ bytes }) => {
    const start = position;
    position += units(bytes);
    return start;
  });
  const logprobs = {
    tokens: tokens.map(tokenName),
    token_logprobs: tokens.map(({ logprob }) => finiteLogprob(logprob)),
    top_logprobs: top
      ? tokens.map((token) =>
          Object.fromEntries(token.top.map((one) => [tokenName(one), finiteLogprob(one.logprob)] as const)),
        )
      : null,
    text_offset: offsets,
  };
  return { logprobs, offset: position };
};
