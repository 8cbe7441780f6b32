import type { Engine, UsageMeter } from '@golek/kernel';
import type { HealthReport, RuntimeState } from '../http/health.ts';
import type { LoadedModels } from '../models/loaded-models.ts';
import type { ServerStatus } from './admin-tool-definitions.ts';

export interface ServerStatusDeps {
  readonly engine: Pick<Engine, 'inFlight'>;
  readonly usage: Pick<UsageMeter, 'totals'>;
  readonly loaded: LoadedModels;
  readonly health: readonly HealthReport[];
  readonly state: () => RuntimeState;
  readonly version: string;
}

/** What the server does now and has done, for whoever administers it. */
export const serverStatus = ({ engine, usage, loaded, health, state, version }: ServerStatusDeps): ServerStatus => ({
  version,
  state: state(),
  inFlight: engine.inFlight,
  ...loaded.states(),
  problems: health.flatMap((report) => report()),
  usage: usage.totals(),
});
