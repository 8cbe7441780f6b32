import { ModelRoute } from '@golek/api';
import { z } from 'zod';

const CanarySide = z.strictObject({
  attempts: z.int().describe('Within the window of the rollback.'),
  errorRate: z.number(),
  firstEventMs: z.number().optional().describe('Mean time to the first event, milliseconds.'),
});

/** A route, its revision and how its targets do. */
export const RouteState = z
  .strictObject({
    route: ModelRoute,
    revision: z.int().describe('To be sent as `If-Match`, so that a change of somebody else is not lost.'),
    targets: z.array(
      z.strictObject({
        model: z.string(),
        registered: z.boolean(),
        blocked: z.string().optional().describe('Why it is asked last.'),
        inFlight: z.int(),
        capacity: z.int(),
        firstEventMs: z.number().optional().describe('Moving average, milliseconds.'),
        durationMs: z.number().optional().describe('Moving average, milliseconds.'),
        attempts: z.int().describe('Of the last minute.'),
        errorRate: z.number(),
      }),
    ),
    canary: z
      .strictObject({
        target: z.string(),
        percent: z.number().describe('As configured.'),
        share: z.number().describe('In effect; 0 after a rollback.'),
        rolledBack: z.strictObject({ reason: z.string(), at: z.string() }).optional(),
        canary: CanarySide,
        stable: CanarySide,
      })
      .optional(),
  })
  .meta({ id: 'RouteState' });
export type RouteState = z.output<typeof RouteState>;

export const RouteStates = z.strictObject({ routes: z.array(RouteState) }).meta({ id: 'RouteStates' });
