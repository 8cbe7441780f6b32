import { z } from 'zod';
import { invalid, parseBody } from '../../request-body/parse-body.ts';
import { limited } from '../../request-body/refusals.ts';

const noInclude = limited(z.never().optional(), 'it is chosen when the response is made; leave it out');

const RetrieveQuery = z.strictObject({
  stream: z.enum(['true', 'false']).optional(),
  starting_after: z
    .stringFormat('number', /^\d{1,9}$/, { error: "expected the 'sequence_number' of an event" })
    .optional(),
  include_obfuscation: limited(z.literal('false').optional(), 'nothing is padded; leave it out'),
  include: noInclude,
  'include[]': noInclude,
});

/** What GET /v1/responses/:id is asked for: the response, or its events behind the one with the number `after`. */
export interface Retrieval {
  readonly stream: boolean;
  /** -1: from the first event on. */
  readonly after: number;
}

/** Throws `invalid_request`, `unsupported` or `unknown_parameter`. */
export const readRetrieveQuery = (query: URLSearchParams): Retrieval => {
  const { stream, starting_after: after } = parseBody(RetrieveQuery, Object.fromEntries(query));
  if (after !== undefined && stream !== 'true') {
    throw invalid('starting_after', "'starting_after' is for streams; send 'stream=true' with it");
  }
  return { stream: stream === 'true', after: after === undefined ? -1 : Number(after) };
};
