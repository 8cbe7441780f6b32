import type { CheckedValues } from './check-sections.ts';
import type { ConfigProblem, ConfigValue } from './config-source.ts';
import type { ConfigurationLayers } from './resolve-layers.ts';

/** Everything that a configuration says at one moment. */
export interface ConfigurationState {
  readonly layers: ConfigurationLayers;
  /** What every layer says, lowest layer first. */
  readonly values: readonly ConfigValue[];
  readonly inForce: CheckedValues;
  /** What would be in force after a restart; the same object when that is the same. */
  readonly afterRestart: CheckedValues;
}

/** What the manager may do with a configuration and nobody else. */
export interface ConfigurationControl {
  readonly state: () => ConfigurationState;
  /** What the consumers' checks say to these values. */
  readonly problemsOf: (state: ConfigurationState) => readonly ConfigProblem[];
  /** Takes the values over in one step, then tells the watchers of what changed. A watcher that throws is reported and does not stop the others. */
  readonly swap: (state: ConfigurationState, onFailure: (thrown: unknown, section: string) => void) => void;
}

export const CONTROLS = new WeakMap<object, ConfigurationControl>();
