import type { TokenCandidate, TokenLogprob } from '@golek/api';
import { z } from 'zod';

/** What OpenAI sends for a token that cannot occur: JSON has no −∞. */
const IMPOSSIBLE = -9999;

export const finiteLogprob = (logprob: number): number => (Number.isFinite(logprob) ? logprob : IMPOSSIBLE);

const candidateFields = { token: z.string(), bytes: z.array(z.int()), logprob: z.number() };

export const ChatLogprobs = z
  .strictObject({
    content: z.array(
      z.strictObject({ ...candidateFields, top_logprobs: z.array(z.strictObject({ ...candidateFields })) }),
    ),
    refusal: z.null(),
  })
  .meta({ id: 'ChatLogprobs' });
type ChatLogprobs = z.infer<typeof ChatLogprobs>;

const candidate = ({
  text,
  bytes,
  logprob,
}: TokenCandidate): Omit<ChatLogprobs['content'][number], 'top_logprobs'> => ({
  token: text,
  bytes,
  logprob: finiteLogprob(logprob),
});

export const chatLogprobs = (tokens: readonly TokenLogprob[]): ChatLogprobs => ({
  content: tokens.map((token) => ({ ...candidate(token), top_logprobs: token.top.map(candidate) })),
  refusal: null,
});
