import { z } from 'zod';
import { VERSION } from './infer-message.ts';
import type { ModelStatistics, RepositoryIndexResponse } from './wire/grpc-service.ts';

/** Names of the extensions of the protocol that Golek speaks, as Triton has them. */
export const EXTENSIONS: readonly string[] = [
  'binary_tensor_data',
  'generate',
  'model_configuration',
  'model_repository',
  'model_repository(unload_dependents)',
  'parameters',
  'statistics',
];

/** The answer of GET /v2. */
export const ServerMetadata = z
  .strictObject({ name: z.string(), version: z.string(), extensions: z.array(z.string()) })
  .meta({ id: 'KserveServerMetadata' });

export const serverMetadata = (version: string): z.infer<typeof ServerMetadata> => ({
  name: 'golek',
  version,
  extensions: [...EXTENSIONS],
});

/** A model of the index. */
export interface IndexedModel {
  readonly name: string;
  readonly state: 'unloaded' | 'loading' | 'ready' | 'failed' | 'unloading';
  /** Why it cannot be used. */
  readonly reason?: string | undefined;
}

const STATES = {
  unloaded: 'UNAVAILABLE',
  failed: 'UNAVAILABLE',
  loading: 'LOADING',
  ready: 'READY',
  unloading: 'UNLOADING',
} as const;

/** The answer of POST /v2/repository/index. */
export const RepositoryIndex = z
  .array(
    z.strictObject({
      name: z.string(),
      version: z.string(),
      state: z.enum(['READY', 'LOADING', 'UNLOADING', 'UNAVAILABLE']),
      reason: z.string(),
    }),
  )
  .meta({ id: 'KserveRepositoryIndex' });

export const repositoryIndex = (models: readonly IndexedModel[], readyOnly: boolean): z.infer<typeof RepositoryIndex> =>
  models
    .filter(({ state }) => !readyOnly || state === 'ready')
    .map(({ name, state, reason }) => ({
      name,
      version: VERSION,
      state: STATES[state],
      reason: reason ?? (state === 'unloaded' ? 'unloaded: its next request loads it' : ''),
    }));

export const repositoryIndexResponse = (
  models: readonly IndexedModel[],
  readyOnly: boolean,
): RepositoryIndexResponse => ({
  models: repositoryIndex(models, readyOnly),
});

/** Requests to a model since the start of the runtime. */
export interface ModelCounts {
  readonly name: string;
  readonly completed: number;
  readonly failed: number;
}

const Count = z.strictObject({ count: z.int() });

/** The answer of GET /v2/models/stats: counts. Times are in GET /metrics, and zeros would be made up. */
export const ModelStats = z
  .strictObject({
    model_stats: z.array(
      z.strictObject({
        name: z.string(),
        version: z.string(),
        inference_count: z.int().describe('Requests that were answered.'),
        inference_stats: z.strictObject({ success: Count, fail: Count }),
      }),
    ),
  })
  .meta({ id: 'KserveModelStats' });

export const modelStats = (models: readonly ModelCounts[]): z.infer<typeof ModelStats> => ({
  model_stats: models.map(({ name, completed, failed }) => ({
    name,
    version: VERSION,
    inference_count: completed,
    inference_stats: { success: { count: completed }, fail: { count: failed } },
  })),
});

/** The same as messages; the fields of times stay empty. */
export const modelStatistics = (models: readonly ModelCounts[]): ModelStatistics[] =>
  models.map(({ name, completed, failed }) => ({
    name,
    version: VERSION,
    lastInference: 0n,
    inferenceCount: BigInt(completed),
    executionCount: 0n,
    inferenceStats: { success: { count: BigInt(completed), ns: 0n }, fail: { count: BigInt(failed), ns: 0n } },
  }));
