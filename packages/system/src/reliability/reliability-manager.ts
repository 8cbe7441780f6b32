import { GolekError, nearest, type ModelManifest } from '@golek/api';
import {
  GuardTable,
  type BreakerChange,
  type EventBus,
  type GuardState,
  type GuardTableOptions,
  type ModelRegistry,
  type TargetPolicy,
} from '@golek/kernel';
import { policyFor, type ReliabilitySettings } from './reliability-settings.ts';

export interface ReliabilityManagerOptions {
  readonly models: Pick<ModelRegistry, 'list' | 'resolve' | 'names'>;
  readonly events: Pick<EventBus, 'publish' | 'subscribe'>;
  readonly settings?: ReliabilitySettings | undefined;
  /** The time limits of one call, where tenants or callers may set their own. */
  readonly timeoutsOf?: GuardTableOptions['timeoutsOf'] | undefined;
}

/** Keeps one policy, breaker, bulkhead and retry budget for each target, and tells what becomes of them. */
export class ReliabilityManager implements Disposable {
  /** What the dispatch asks. */
  readonly guards: GuardTable;
  readonly #models: Pick<ModelRegistry, 'list' | 'resolve' | 'names'>;
  readonly #events: Pick<EventBus, 'publish'>;
  readonly #subscription: Disposable;
  #settings: ReliabilitySettings;

  constructor({ models, events, settings = {}, timeoutsOf }: ReliabilityManagerOptions) {
    this.#models = models;
    this.#events = events;
    this.#settings = snapshot(settings);
    this.guards = new GuardTable({
      policyOf: this.#policyOf,
      onBreaker: (target, change) => this.#publish(target.model, target.provider, change),
      ...(timeoutsOf && { timeoutsOf }),
    });
    this.#subscription = events.subscribe(
      ({ event }) => {
        if (event.type === 'model.unregistered') this.guards.forget(event.model);
      },
      ['model.unregistered'],
    );
  }

  /** Other policies from now on. Calls in hand go on; breakers, queues and budgets keep their state. */
  configure(settings: ReliabilitySettings): void {
    this.#settings = snapshot(settings);
    this.guards.configure(this.#policyOf);
  }

  /** Every registered model with its breaker, load and policy. */
  states(): readonly GuardState[] {
    const now = performance.now();
    return this.#models.list().map(({ manifest }) => this.guards.of(targetOf(manifest)).state(now));
  }

  /** Closes the breaker of a model and gives its retry budget back. Throws `model_not_found`. */
  reset(model: string): GuardState {
    const entry = this.#models.resolve(model);
    if (!entry) {
      // A route may have the very name.
      const names = this.#models.list().map(({ manifest }) => manifest.name);
      const hint = nearest(model.slice(0, 256), names);
      throw new GolekError(
        'model_not_found',
        `no model is named '${model.slice(0, 256)}'${hint === undefined ? '' : `; did you mean '${hint}'?`}`,
      );
    }
    const guard = this.guards.of(targetOf(entry.manifest));
    guard.reset();
    return guard.state(performance.now());
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  readonly #policyOf = (target: { readonly model: string; readonly provider: string }): TargetPolicy => {
    const { device } = this.#models.resolve(target.model)?.manifest ?? {};
    return policyFor(this.#settings, { name: target.model, provider: target.provider, device });
  };

  #publish(model: string, provider: string, change: BreakerChange): void {
    if (change.type === 'opened') {
      const { reason, retryAfterMs } = change;
      this.#events.publish({ type: 'breaker.opened', model, provider, reason, retryAfterMs });
    } else if (change.type === 'closed') {
      this.#events.publish({ type: 'breaker.closed', model, provider, reason: change.reason });
    } else this.#events.publish({ type: 'breaker.half-opened', model, provider });
  }
}

/** Values of a live configuration are read once for each change, not for each target. */
const snapshot = ({
  timeouts,
  retry,
  breaker,
  bulkhead,
  hedge,
  targets,
}: ReliabilitySettings): ReliabilitySettings => ({
  timeouts: { ...timeouts },
  retry: { ...retry },
  breaker: { ...breaker },
  bulkhead: { ...bulkhead },
  hedge: { ...hedge },
  targets,
});

const targetOf = ({ name, provider }: ModelManifest): { readonly model: string; readonly provider: string } => ({
  model: name,
  provider,
});
