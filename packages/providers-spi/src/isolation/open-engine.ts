import type { ModelManifest } from '@golek/api';
import type { Health, ModelSource, OpenOptions, SessionCapabilities } from '../provider.ts';
import { EngineProcess, type EngineSpec } from './engine-process.ts';

/** A child with a model that is ready to work. */
export interface OpenEngine {
  readonly engine: EngineProcess;
  readonly manifest: ModelManifest;
  readonly capabilities: SessionCapabilities;
  readonly health: Health;
  /** Most threads that it may be told to evaluate with; undefined: they cannot be changed. */
  readonly threads: number | undefined;
}

/**
 * Starts a child and opens the model in it. Throws what the provider's `open` throws, `model_load_failed` when the child ends
 * instead, and the signal's error; no process is left then.
 */
export const openEngine = async (spec: EngineSpec, source: ModelSource, options: OpenOptions): Promise<OpenEngine> => {
  const { signal, onProgress, memoryLimitBytes, handover } = options;
  const engine = await EngineProcess.start(spec, source.name, signal);
  engine.onReport = (report) => {
    if (report.type === 'progress') onProgress?.(report.fraction);
  };
  const answer = await engine.ask({ type: 'open', source, memoryLimitBytes, handover }, signal);
  if (answer.type !== 'opened')
    throw await engine.giveUp(answer, `the engine of model '${source.name}' ended while loading`);
  const { manifest, capabilities, health, threads } = answer;
  return { engine, manifest, capabilities, health, threads };
};
