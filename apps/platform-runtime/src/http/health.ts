import { ERROR_CODES } from '@golek/api';
import { z } from 'zod';

/** The answer of GET /health/live: the process runs. */
export const Liveness = z.strictObject({ status: z.literal('live'), version: z.string() }).meta({ id: 'Liveness' });

const ModelReadiness = z.strictObject({
  id: z.string(),
  provider: z.string(),
  state: z.enum(['unloaded', 'loading', 'ready', 'failed', 'unloading']),
  /** Requests that use it now. */
  inUse: z.int(),
  /** Part loaded, 0 to 1. */
  progress: z.number().exactOptional(),
  error: z.strictObject({ code: z.enum(ERROR_CODES as [string, ...string[]]), message: z.string() }).exactOptional(),
  health: z
    .strictObject({ status: z.enum(['ok', 'degraded', 'down']), reason: z.string().exactOptional() })
    .exactOptional(),
});
export type ModelReadiness = z.infer<typeof ModelReadiness>;

/** What the runtime as a whole does. */
export type RuntimeState = 'starting' | 'running' | 'stopping';

export const HealthProblem = z.strictObject({
  /** What kind of thing it is, e.g. `plugin`, `target`. */
  part: z.string(),
  name: z.string(),
  status: z.enum(['degraded', 'down']),
  reason: z.string(),
});
export type HealthProblem = z.infer<typeof HealthProblem>;

/** Tells what limps now; cheap and synchronous. */
export type HealthReport = () => readonly HealthProblem[];

/** The answer of GET /health/ready. A model that is not loaded does not make the server unready: it is loaded when it is asked for. */
export const Readiness = z
  .strictObject({
    status: z.enum(['ready', 'not-ready']),
    reasons: z.array(z.string()),
    inFlight: z.int(),
    models: z.array(ModelReadiness),
    /** What does not work as it should; the server takes requests all the same. */
    problems: z.array(HealthProblem),
  })
  .meta({ id: 'Readiness' });
export type Readiness = z.infer<typeof Readiness>;

const UsageTotals = z.strictObject({
  completed: z.int(),
  failed: z.int(),
  abandoned: z.int(),
  promptTokens: z.int(),
  completionTokens: z.int(),
});

/** The answer of GET /admin/v1/usage: counts since the start, by model. */
export const UsageReport = z.strictObject({ models: z.record(z.string(), UsageTotals) }).meta({ id: 'UsageReport' });
