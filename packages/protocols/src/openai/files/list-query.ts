import { z } from 'zod';
import { parseBody } from '../../request-body/parse-body.ts';

/** The query of GET /v1/files. */
export const FileListQuery = z.strictObject({
  after: z.string().exactOptional(),
  limit: z
    .string()
    .regex(/^([1-9]\d{0,3}|10000)$/, 'expected a whole number from 1 to 10000')
    .exactOptional(),
  order: z.enum(['asc', 'desc']).exactOptional(),
  purpose: z.string().exactOptional(),
});

export interface FileListWish {
  /** Those behind this id. */
  readonly after?: string;
  readonly limit: number;
  readonly order: 'asc' | 'desc';
  readonly purpose?: string;
}

/** Reads a query. Throws `invalid_request` and `unknown_parameter`. */
export const readFileListQuery = (query: URLSearchParams): FileListWish => {
  const { limit = '10000', order = 'desc', ...others } = parseBody(FileListQuery, Object.fromEntries(query));
  return { ...others, limit: Number(limit), order };
};
