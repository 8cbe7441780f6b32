import { configSection } from '@golek/system';
import { z } from 'zod';
import { DEFAULT_RESPONSE_LIMITS as DEFAULTS } from '../http/responses/response-limits.ts';

const LIVE = { live: true };

export const responsesConfig = configSection(
  'responses',
  z
    .strictObject({
      maxStored: z
        .int()
        .min(0)
        .max(1_000_000)
        .default(DEFAULTS.maxStored)
        .describe(
          'Most responses of the Responses API that are kept, over all tenants; 0 keeps none. Then the least recently used one of the tenant that has the most makes room.',
        )
        .meta(LIVE),
      maxBytes: z
        .int()
        .min(0)
        .default(DEFAULTS.maxBytes)
        .describe(
          'Most bytes that kept responses may take in memory, each with its whole conversation, over all tenants.',
        )
        .meta(LIVE),
      ttlMs: z
        .int()
        .min(1_000)
        .max(30 * 24 * 3_600_000)
        .default(DEFAULTS.ttlMs)
        .describe('So long is a response kept, milliseconds. A restart forgets them all.')
        .meta(LIVE),
      maxBackground: z
        .int()
        .min(0)
        .max(10_000)
        .default(DEFAULTS.maxBackground)
        .describe('Most responses in the background at the same time, over all tenants; 0 refuses `background`.')
        .meta(LIVE),
    })
    .describe('Responses that are kept for the Responses API (`POST /v1/responses`), in memory.'),
);
