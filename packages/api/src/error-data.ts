import { z } from 'zod';
import { isErrorCode, type ErrorCode } from './error-catalogue.ts';

/** A failure as plain data: what crosses a process or protocol border. */
export const ErrorData = z
  .strictObject({
    code: z.custom<ErrorCode>(isErrorCode, 'not a code of the error catalogue'),
    message: z.string(),
    status: z.int(),
    retryable: z.boolean(),
    action: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
    /** Seconds after which a retry makes sense. */
    retryAfter: z.number().nonnegative().optional(),
  })
  .meta({ id: 'ErrorData', description: 'A failure: stable code, HTTP status, retryability and remedy.' });
export type ErrorData = z.infer<typeof ErrorData>;
