import { configSection } from '@golek/system';
import { z } from 'zod';

/** Takes effect at once, and may differ between tenants. */
const PER_TENANT = { live: true, overridable: ['tenant'] };

export const homeConfig = configSection(
  'home',
  z
    .string()
    .min(1)
    .default('~/.golek')
    .describe('Data folder: models, history and, when no other file is named, golek.yaml.')
    .meta({ storable: false }),
);

export const lifecycleConfig = configSection(
  'lifecycle',
  z
    .strictObject({
      graceMs: z
        .int()
        .min(0)
        .max(3_600_000)
        .default(30_000)
        .describe('After SIGTERM, time for open requests to end before they are cut off, milliseconds.')
        .meta({ live: true }),
    })
    .describe('Start and stop.'),
);

export const limitsConfig = configSection(
  'limits',
  z
    .strictObject({
      maxOutputTokens: z
        .int()
        .min(1)
        .optional()
        .describe(
          'Most tokens of one answer: a request that asks for more is refused, one that names no limit gets this one. Default: the context of the model.',
        )
        .meta(PER_TENANT),
      maxTools: z.int().min(1).max(10_000).default(128).describe('Most tools in one request.').meta(PER_TENANT),
      maxInputs: z
        .int()
        .min(1)
        .max(100_000)
        .default(2048)
        .describe('Most texts in one embedding or classification request.')
        .meta(PER_TENANT),
    })
    .describe('Bounds on one request, over all protocols.'),
);
