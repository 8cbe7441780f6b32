import { ErrorData } from '@golek/api';
import { z } from 'zod';

/** A model as the administration shows it. */
export const ModelState = z
  .strictObject({
    name: z.string(),
    provider: z.string(),
    state: z.enum(['unloaded', 'loading', 'ready', 'failed', 'unloading']),
    inUse: z.int().describe('Requests that hold it now.'),
    progress: z.number().optional().describe('Part loaded, 0 to 1, while it is loading.'),
    memoryBytes: z.int().optional().describe("What it takes of this machine's memory, as estimated."),
    pinned: z.boolean().describe('It is unloaded on request only.'),
    unloadsInMs: z
      .number()
      .optional()
      .describe('Time until it is unloaded if nobody uses it; absent where it is in use or stays.'),
    error: ErrorData.pick({ code: true, message: true }).optional().describe('Why the last load failed.'),
  })
  .meta({ id: 'ModelState' });
export type ModelState = z.infer<typeof ModelState>;

/** The models and the bounds of those in memory. */
export const ModelStates = z
  .strictObject({
    models: z.array(ModelState),
    memory: z.strictObject({
      usedBytes: z.int().describe('What the loaded models take together, as estimated.'),
      limitBytes: z.int().describe('What they may take: `models.memoryLimitBytes`, else the memory of the machine.'),
    }),
    maxLoaded: z.int().optional().describe('Models that may be loaded at once, where that is limited.'),
  })
  .meta({ id: 'ModelStates' });
export type ModelStates = z.infer<typeof ModelStates>;

/** The body of a request to load a model. */
export const LoadBody = z
  .strictObject({
    keepAlive: z
      .union([z.number(), z.string()])
      .optional()
      .describe("How long it stays after its last use, in place of the setting: '5m', seconds, 0 or 'forever'."),
  })
  .meta({ id: 'LoadBody' });
