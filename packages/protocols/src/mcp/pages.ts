import { invalid } from '../request-body/parse-body.ts';

/** Items of one page. */
const PAGE = 100;

export interface Page<T> {
  readonly items: readonly T[];
  /** Gives the next page; absent on the last one. */
  readonly nextCursor?: string;
}

/**
 * One page of a list. A cursor is the key of the last item that was given, so that nothing is given twice or left out when items come and go
 * between pages. Throws `invalid_request` for a cursor whose item is gone.
 */
export const pageOf = <T>(items: readonly T[], keyOf: (item: T) => string, cursor: string | undefined): Page<T> => {
  const last = cursor === undefined ? -1 : items.findIndex((item) => keyOf(item) === cursor);
  if (cursor !== undefined && last < 0) {
    throw invalid(
      'cursor',
      `the list has changed and '${cursor.slice(0, 80)}' is no longer in it; begin again without 'cursor'`,
    );
  }
  const page = items.slice(last + 1, last + 1 + PAGE);
  const end = page.at(-1);
  return {
    items: page,
    ...(end !== undefined && last + 1 + PAGE < items.length && { nextCursor: keyOf(end) }),
  };
};
