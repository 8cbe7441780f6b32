import { z } from 'zod';

const Policy = z
  .strictObject({
    timeouts: z.record(z.string(), z.number()),
    retry: z.record(z.string(), z.union([z.number(), z.string()])),
    breaker: z.record(z.string(), z.union([z.number(), z.string()])),
    bulkhead: z.record(z.string(), z.number()),
    hedge: z.record(z.string(), z.union([z.number(), z.boolean()])),
  })
  .meta({ id: 'TargetPolicy' });

/** A target as the administration shows it. */
export const TargetStatus = z
  .strictObject({
    model: z.string(),
    provider: z.string(),
    breaker: z.strictObject({
      state: z.enum(['closed', 'open', 'half-open']),
      failures: z.int().describe('Failures in a row.'),
      retryAfterMs: z.number().optional().describe('Time until a probe may pass.'),
      lastError: z.strictObject({ code: z.string(), message: z.string() }).optional(),
    }),
    inFlight: z.int(),
    queued: z.int(),
    retriesLeft: z.int().describe('Retries that the budget has left.'),
    policy: Policy,
  })
  .meta({ id: 'TargetStatus' });
export type TargetStatus = z.infer<typeof TargetStatus>;

export const TargetStatuses = z.strictObject({ targets: z.array(TargetStatus) });
