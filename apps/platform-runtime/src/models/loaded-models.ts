import { GolekError, nearest } from '@golek/api';
import type { LifeSettings, ModelEntry, ModelRegistry, SessionPool } from '@golek/kernel';
import type { ModelState, ModelStates } from './model-state.ts';

export interface LoadedModelsDeps {
  readonly models: Pick<ModelRegistry, 'list' | 'resolve'>;
  readonly sessions: Pick<SessionPool, 'status'>;
  readonly life: () => Pick<LifeSettings, 'maxLoaded' | 'memoryBytes'>;
}

/** The models as the administration sees them: which are in memory, what they take, and until when. */
export class LoadedModels {
  readonly #deps: LoadedModelsDeps;

  constructor(deps: LoadedModelsDeps) {
    this.#deps = deps;
  }

  stateOf({ manifest: { name, provider } }: ModelEntry): ModelState {
    const status = this.#deps.sessions.status(name);
    const { state, inUse, progress, memoryBytes, pinned = false, unloadsInMs, error } = status;
    return {
      name,
      provider,
      state,
      inUse,
      pinned,
      ...(progress !== undefined && { progress }),
      ...(memoryBytes !== undefined && { memoryBytes: Math.round(memoryBytes) }),
      ...(unloadsInMs !== undefined && { unloadsInMs: Math.round(unloadsInMs) }),
      ...(error && { error: { code: error.code, message: error.message } }),
    };
  }

  states(): ModelStates {
    const { models, life } = this.#deps;
    const { maxLoaded, memoryBytes } = life();
    const shown = models.list().map((entry) => this.stateOf(entry));
    return {
      models: shown,
      memory: {
        usedBytes: shown.reduce((sum, model) => sum + (model.memoryBytes ?? 0), 0),
        limitBytes: memoryBytes,
      },
      ...(maxLoaded !== Infinity && { maxLoaded }),
    };
  }

  /** Throws `model_not_found`, with the nearest name. */
  entryOf(name: string): ModelEntry {
    const { models } = this.#deps;
    const entry = models.resolve(name);
    if (entry) return entry;
    const shown = name.slice(0, 256);
    const hint = nearest(
      shown,
      models.list().map(({ manifest }) => manifest.name),
    );
    throw new GolekError(
      'model_not_found',
      `no model is named '${shown}'${hint === undefined ? '' : `; did you mean '${hint}'?`}`,
    );
  }
}
