import { z } from 'zod';
import { invalid, parseBody } from '../../request-body/parse-body.ts';
import { limited } from '../../request-body/refusals.ts';
import { ConversationItem } from './items.ts';

const Include = limited(
  z.union([z.literal('message.input_image.image_url'), z.array(z.literal('message.input_image.image_url'))]).optional(),
  'items have no such part; leave it out',
);
const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

const ItemPageQuery = z.strictObject({
  limit: z
    .stringFormat('limit', (text) => /^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= MAX_LIMIT, {
      error: `expected a whole number from 1 to ${MAX_LIMIT}`,
    })
    .optional(),
  order: z.enum(['asc', 'desc']).optional(),
  after: z.string().max(128).optional(),
  include: Include,
  'include[]': Include,
});

export const ItemPage = z
  .strictObject({
    object: z.literal('list'),
    data: z.array(ConversationItem),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  })
  .meta({ id: 'ResponseItemList' });

/** One page of the items that a model was given, latest first unless the query says otherwise. Throws as `readResponseRequest`. */
export const itemPage = (items: readonly ConversationItem[], query: URLSearchParams): z.infer<typeof ItemPage> => {
  const { limit, order = 'desc', after } = parseBody(ItemPageQuery, Object.fromEntries(query));
  const ordered = order === 'asc' ? items : items.toReversed();
  const place = after === undefined ? -1 : ordered.findIndex(({ id }) => id === after);
  if (after !== undefined && place < 0) {
    throw invalid('after', `'after' is '${after}', which is not among the items of this response`);
  }
  const start = place + 1;
  const end = start + (limit === undefined ? DEFAULT_LIMIT : Number(limit));
  const data = ordered.slice(start, end);
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: end < ordered.length,
  };
};
