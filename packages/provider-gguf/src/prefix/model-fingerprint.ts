import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { BINDING_VERSION } from '../binding.ts';
import type { ResolvedOptions } from '../options.ts';
import { fileIdentity } from './state-digest.ts';

export interface FingerprintRequest {
  /** The files of the model. */
  readonly paths: readonly string[];
  readonly options: ResolvedOptions;
  readonly contextSize: number;
  readonly device: string;
  /** Own build of the engine. */
  readonly binary: string | undefined;
}

/** Weights are looked at in so many places of each file, so many bytes each: reading all of them would take longer than a prompt. */
const SAMPLES = 16;
const SAMPLE = 4096;

/**
 * Names what a saved state depends on: the model's files (size, time of change and samples of their content), the engine, and the settings that shape its
 * cache. What it does not depend on, such as the number of threads, is not in it. `parallel` is: llama.cpp writes the number of sequences into a state.
 */
export const modelFingerprint = async (request: FingerprintRequest): Promise<string> => {
  const { paths, options, contextSize, device, binary } = request;
  const { parallel, kvCacheType, flashAttention, swaFullCache, gpuLayers, prefixSharing } = options;
  const cache = { contextSize, parallel, kvCacheType, flashAttention, swaFullCache, gpuLayers, device };
  // What was saved while all shared must not be found by a tenant later.
  const settings = { ...cache, prefixSharing };
  const hash = createHash('sha256').update(JSON.stringify({ binding: BINDING_VERSION, ...settings }));
  for (const path of paths) await addSamples(hash, path);
  if (binary !== undefined) hash.update(await fileIdentity(binary));
  return hash.digest('hex');
};

const addSamples = async (hash: ReturnType<typeof createHash>, path: string): Promise<void> => {
  const file = await open(path, 'r');
  try {
    const { size, mtimeMs } = await file.stat();
    hash.update(`${size} ${mtimeMs} `);
    const sample = new Uint8Array(SAMPLE);
    for (let i = 0; i < SAMPLES; i++) {
      const at = Math.floor((Math.max(0, size - SAMPLE) * i) / (SAMPLES - 1));
      const { bytesRead } = await file.read(sample, 0, SAMPLE, at);
      hash.update(sample.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
};
