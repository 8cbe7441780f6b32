import { z } from 'zod';
import { invalid } from '../request-body/parse-body.ts';
import { limited } from '../request-body/refusals.ts';

export const Stream = z.boolean().nullish();
export const StreamOptions = z
  .strictObject({
    include_usage: z.boolean().nullish(),
    continuous_usage_stats: z
      .boolean()
      .nullish()
      .describe('Extension, taken and told: tokens are counted at the end of an answer.'),
    include_obfuscation: limited(z.literal(false).nullish(), 'chunks are sent without padding; leave it out'),
  })
  .nullish();

interface StreamFields {
  readonly stream?: boolean | null | undefined;
  readonly stream_options?: z.output<typeof StreamOptions>;
}

/** Whether the stream ends with the token counts. Throws `invalid_request` for options without a stream. */
export const readIncludeUsage = ({ stream, stream_options: options }: StreamFields): boolean => {
  if (options == null) return false;
  if (!stream) throw invalid('stream_options', "'stream_options' is for streams; send 'stream': true with it");
  return options.include_usage ?? false;
};

/** What of the options changes nothing. */
export const streamWarnings = (options: z.output<typeof StreamOptions>): string[] =>
  options?.continuous_usage_stats
    ? ["'stream_options.continuous_usage_stats' changed nothing: tokens are counted at the end of an answer"]
    : [];
