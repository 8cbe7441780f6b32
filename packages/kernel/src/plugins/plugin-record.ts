import { GolekError, type ErrorData } from '@golek/api';
import type { PluginHealth } from '@golek/plugins-api';
import { contributedNames, type ContributedNames } from './plugin-contributions.ts';
import type { PluginNeeds } from './plugin-dependencies.ts';
import type { PluginInstance } from './plugin-instance.ts';
import type { PluginSource } from './plugin-source.ts';
import { PluginLife, type PluginState } from './plugin-state.ts';

/** Where a plugin stands. */
export interface PluginStatus {
  readonly name: string;
  /** Of the version in effect, else of the one loaded last; absent when none could be read. */
  readonly version?: string;
  readonly state: PluginState;
  /** When it entered the state, RFC 3339. */
  readonly since: string;
  readonly origin: string;
  readonly requires: Readonly<Record<string, string>>;
  readonly contributes: ContributedNames;
  /** As last asked; absent for a plugin that does not run or was not asked yet. */
  readonly health?: PluginHealth;
  /** Why the last start, replacement or stop failed. */
  readonly lastError?: ErrorData;
  /** Times that a newer version took over while it ran. */
  readonly replacements: number;
  /** Older versions that calls in progress still use. */
  readonly retiring: number;
}

/** What the manager keeps of a plugin. */
export interface PluginRecord {
  source: PluginSource;
  readonly life: PluginLife;
  instance: PluginInstance | undefined;
  /** What the version loaded last needs. */
  needs: PluginNeeds | undefined;
  /** It is not running for another plugin's sake, and starts when that one does. */
  waiting: boolean;
  error: GolekError | undefined;
  health: PluginHealth | undefined;
  replacements: number;
  readonly retiring: Set<Promise<void>>;
  /** The stop in progress. */
  stopping: Promise<void> | undefined;
}

/** A plugin that is known and was never loaded. */
export const newRecord = (source: PluginSource, disabled: boolean): PluginRecord => {
  const life = new PluginLife(source.name);
  if (disabled) life.enter('disabled');
  return {
    source,
    life,
    instance: undefined,
    needs: undefined,
    waiting: false,
    error: undefined,
    health: undefined,
    replacements: 0,
    retiring: new Set(),
    stopping: undefined,
  };
};

/** Throws `conflict` for a plugin that does not run. */
export const runningInstance = ({ instance, life, source }: PluginRecord): PluginInstance => {
  if (instance && life.may('stopping')) return instance;
  throw new GolekError('conflict', `plugin '${source.name}' is ${life.state}; only a running plugin can be stopped`);
};

export const statusOf = ({
  source,
  life,
  instance,
  needs,
  health,
  error,
  replacements,
  retiring,
}: PluginRecord): PluginStatus => {
  const version = instance?.plugin.version ?? needs?.version;
  return {
    name: source.name,
    ...(version !== undefined && { version }),
    state: life.state,
    since: life.since.toISOString(),
    origin: source.origin,
    requires: instance?.plugin.requires ?? needs?.requires ?? {},
    contributes: instance ? contributedNames(instance.contributions) : {},
    ...(health && { health }),
    ...(error && { lastError: error.toJSON() }),
    replacements,
    retiring: retiring.size,
  };
};
