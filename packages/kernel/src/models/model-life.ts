/** How long a model that nobody uses stays in memory. */
export interface ModelLife {
  /** Idle time after which it is unloaded, milliseconds; 0: when its last run ends; Infinity: only to make room. */
  readonly keepAliveMs: number;
  /** Never unloaded by itself, neither for idleness nor to make room. */
  readonly pinned: boolean;
}

/** Bounds of the models in memory. Remote models take none and are not counted. */
export interface LifeSettings {
  /** Models that may be open at once. */
  readonly maxLoaded: number;
  /** Bytes that the open models may need together, as their providers estimate. */
  readonly memoryBytes: number;
  /** How long a load waits for a model in use to become idle, where only its end would make room, milliseconds. */
  readonly roomWaitMs: number;
  readonly lifeOf: (model: string) => ModelLife;
}

const FOREVER: ModelLife = { keepAliveMs: Infinity, pinned: false };

/** No bounds: everything stays until it is unloaded, or a load finds no memory. */
export const DEFAULT_LIFE_SETTINGS: LifeSettings = {
  maxLoaded: Infinity,
  memoryBytes: Infinity,
  roomWaitMs: 10_000,
  lifeOf: () => FOREVER,
};

/** Why a model was unloaded: nobody used it, another one needed its place, somebody asked for it, or it or its provider was changed. */
export type UnloadReason = 'idle' | 'evicted' | 'requested' | 'replaced';
