import type { ModelManifest } from '@golek/api';
import { z } from 'zod';
import { ModelDetails, modelDetails, modelDigest, timeOf } from './model-details.ts';

const identityFields = {
  name: z.string(),
  model: z.string(),
  digest: z.string().describe("SHA-256 of the model's manifest here; not that of Ollama's registry."),
  details: ModelDetails,
};

/** The answer of GET /api/tags. */
export const TagList = z
  .strictObject({
    models: z.array(
      z.strictObject({
        ...identityFields,
        modified_at: z.iso.datetime(),
        size: z.int().exactOptional().describe('Bytes on disk; absent where there are none here.'),
      }),
    ),
  })
  .meta({ id: 'OllamaTagList' });

const identityOf = (manifest: ModelManifest): z.infer<z.ZodObject<typeof identityFields>> => ({
  name: manifest.name,
  model: manifest.name,
  digest: modelDigest(manifest),
  details: modelDetails(manifest),
});

export const tagList = (manifests: readonly ModelManifest[]): z.infer<typeof TagList> => ({
  models: manifests.map((manifest) => ({
    ...identityOf(manifest),
    modified_at: timeOf(manifest.created),
    ...(manifest.sizeBytes !== undefined && { size: manifest.sizeBytes }),
  })),
});

/** The answer of GET /api/ps. */
export const ProcessList = z
  .strictObject({
    models: z.array(
      z.strictObject({
        ...identityFields,
        size: z.int().exactOptional().describe("Bytes of this machine's memory, as estimated."),
        size_vram: z.int().exactOptional().describe('0 on a CPU; absent where it is not known.'),
        context_length: z.int().exactOptional(),
        expires_at: z.iso
          .datetime()
          .exactOptional()
          .describe('When it is unloaded if nobody uses it; centuries ahead where it stays; absent while it is used.'),
      }),
    ),
  })
  .meta({ id: 'OllamaProcessList' });

/** A model in memory. */
export interface LoadedModel {
  readonly manifest: ModelManifest;
  readonly memoryBytes?: number | undefined;
  readonly contextLength?: number | undefined;
  readonly device?: ModelManifest['device'];
  readonly inUse: number;
  /** Time until it is unloaded if nobody uses it, milliseconds; Infinity: it stays; undefined: not known while it is used. */
  readonly unloadsInMs: number | undefined;
}

/** How far ahead Ollama puts the end of what stays: its longest duration, 2⁶³ ns. */
const FOREVER_MS = 2 ** 63 / 1e6;

const expiryOf = ({ inUse, unloadsInMs = Infinity }: LoadedModel, now: number): string | undefined =>
  inUse > 0 ? undefined : new Date(now + Math.min(FOREVER_MS, unloadsInMs)).toISOString();

/** `now`: milliseconds since the epoch. */
export const processList = (loaded: readonly LoadedModel[], now: number): z.infer<typeof ProcessList> => ({
  models: loaded.map((model) => {
    const { manifest, memoryBytes, contextLength, device } = model;
    const expires = expiryOf(model, now);
    return {
      ...identityOf(manifest),
      ...(memoryBytes !== undefined && { size: Math.round(memoryBytes) }),
      ...(device === 'cpu' && { size_vram: 0 }),
      ...(contextLength !== undefined && { context_length: contextLength }),
      ...(expires !== undefined && { expires_at: expires }),
    };
  }),
});
