import { GolekError, type InferenceEvent, type InferenceRequest, type ModelManifest } from '@golek/api';
import { createCall, DEFAULT_LIFE_SETTINGS, type ModelStatus } from '@golek/kernel';
import { createLogger, ENGINE, logConfig, MODELS, SESSIONS } from '@golek/system';
import { modelsConfig } from '../config/models-config.ts';
import type { PlatformSettings } from '../config/platform-config.ts';
import { lifeSettings } from '../models/life-settings.ts';
import type { PlatformModel } from '../models/platform-model.ts';
import { CATALOGUE } from '../modules/models-module.ts';
import { createPlatform } from '../platform.ts';

/** One model in this process, through the same kernel as in the server. */
export interface LocalModel extends AsyncDisposable {
  readonly manifest: ModelManifest;
  /** `whole`: nothing of the answer is read before its end. */
  run(request: InferenceRequest, signal: AbortSignal, whole?: boolean): AsyncIterable<InferenceEvent>;
  status(): ModelStatus;
}

/** Composes a platform without HTTP around one model. Throws when the model's file cannot be used; it is loaded at the first run. */
export const openLocalModel = async (
  { configuration, data }: PlatformSettings,
  model: PlatformModel,
  signal: AbortSignal,
): Promise<LocalModel> => {
  const { level, format } = configuration.get(logConfig);
  // A log line for each prompt would stand in the way; who asks for one gets it.
  const log = createLogger({ level: configuration.explain('log.level').layer === 'default' ? 'error' : level, format });
  const { system } = createPlatform({ configuration, log, models: [model], isolation: 'in-process', home: data.root });
  await system.start({ signal });
  const { source } = model;
  const entry = system.get(MODELS).resolve(source.name);
  if (!entry) {
    const failure = system.get(CATALOGUE).failureOf(source.name);
    await system.stop();
    throw failure ?? new GolekError('internal', `model '${source.name}' was not registered`);
  }
  const engine = system.get(ENGINE);
  const sessions = system.get(SESSIONS);
  // The process is there for this model: it stays as long as the command, whatever a server does.
  sessions.configure({ ...lifeSettings(configuration.get(modelsConfig)), lifeOf: DEFAULT_LIFE_SETTINGS.lifeOf });
  return {
    manifest: entry.manifest,
    run: (request, ends, whole) => engine.run(createCall({ request, signal: ends, whole })),
    status: () => sessions.status(source.name),
    [Symbol.asyncDispose]: () => system.stop(),
  };
};
