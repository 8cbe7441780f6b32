import { GolekError, KEEP_ALIVE_FORMS, keepAliveMs, nearest } from '@golek/api';
import { DEFAULT_LIFE_SETTINGS, type LifeSettings } from '@golek/kernel';

/** How long models stay in memory, and how many. */
export interface PortableLife {
  /** How long a model stays after its last use: `'5m'`, seconds, 0 or `'forever'` (default). */
  readonly keepAlive?: string | number;
  /** Models in memory at once; the least recently used idle one makes room. Default: as many as fit. */
  readonly maxLoaded?: number;
  /** Bytes that all models may take together, as estimated. Default: what the machine has free when each is loaded. */
  readonly memoryLimitBytes?: number;
  /** Models that stay once they are loaded. */
  readonly pinned?: readonly string[];
}

const KEYS = [
  'keepAlive',
  'maxLoaded',
  'memoryLimitBytes',
  'pinned',
] as const satisfies readonly (keyof PortableLife)[];

const refuse = (problem: string): never => {
  throw new GolekError('config_invalid', `life: ${problem}`);
};

const count = (key: keyof PortableLife, value: number | undefined): number => {
  if (value === undefined) return Infinity;
  if (Number.isInteger(value) && value >= 1) return value;
  return refuse(`'${key}' must be an integer of at least 1 (got ${value})`);
};

/** Checks a program's own settings. Throws `config_invalid`. */
export const parseLife = (life: PortableLife = {}): LifeSettings => {
  for (const key of Object.keys(life)) {
    if ((KEYS as readonly string[]).includes(key)) continue;
    const hint = nearest(key, KEYS);
    refuse(`unknown key '${key}'${hint === undefined ? '' : `; did you mean '${hint}'?`}`);
  }
  const { keepAlive = 'forever', maxLoaded, memoryLimitBytes, pinned = [] } = life;
  const ms =
    keepAliveMs(keepAlive) ?? refuse(`'keepAlive' must be ${KEEP_ALIVE_FORMS} (got ${JSON.stringify(keepAlive)})`);
  return {
    ...DEFAULT_LIFE_SETTINGS,
    maxLoaded: count('maxLoaded', maxLoaded),
    memoryBytes: count('memoryLimitBytes', memoryLimitBytes),
    lifeOf: (model) => ({ keepAliveMs: ms, pinned: pinned.includes(model) }),
  };
};
