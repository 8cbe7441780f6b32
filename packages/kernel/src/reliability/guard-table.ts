import type { InferenceCall, RoutingTarget } from '@golek/plugins-api';
import type { BreakerChange } from './circuit-breaker.ts';
import { TargetGuard } from './target-guard.ts';
import { DEFAULT_TARGET_POLICY, type TargetPolicy, type TimeoutPolicy } from './target-policy.ts';

/** A target that no call has used for so long is forgotten when room is needed, milliseconds. */
const IDLE_MS = 600_000;
const SWEEP_AT = 1_024;

export interface GuardTableOptions {
  /** The policy of a target; asked when it is first used and at each `configure`. Default: `DEFAULT_TARGET_POLICY` for all. */
  readonly policyOf?: (target: RoutingTarget) => TargetPolicy;
  /** The time limits of one call, where they may differ from those of the policy. */
  readonly timeoutsOf?: (call: InferenceCall, policy: TargetPolicy) => TimeoutPolicy;
  /** Told when a breaker changes. */
  readonly onBreaker?: (target: RoutingTarget, change: BreakerChange) => void;
}

/** The guards of all targets, made when they are first used. */
export class GuardTable {
  readonly #guards = new Map<string, TargetGuard>();
  readonly #onBreaker: (target: RoutingTarget, change: BreakerChange) => void;
  readonly #timeoutsOf: ((call: InferenceCall, policy: TargetPolicy) => TimeoutPolicy) | undefined;
  #policyOf: (target: RoutingTarget) => TargetPolicy;

  constructor({
    policyOf = () => DEFAULT_TARGET_POLICY,
    timeoutsOf,
    onBreaker = () => undefined,
  }: GuardTableOptions = {}) {
    this.#policyOf = policyOf;
    this.#timeoutsOf = timeoutsOf;
    this.#onBreaker = onBreaker;
  }

  of(target: RoutingTarget): TargetGuard {
    const known = this.#guards.get(target.model);
    if (known?.target.provider === target.provider) return known;
    if (this.#guards.size >= SWEEP_AT) this.#sweep(performance.now());
    const guard = new TargetGuard(target, this.#policyOf(target), (change) => this.#onBreaker(target, change));
    this.#guards.set(target.model, guard);
    return guard;
  }

  timeoutsOf(call: InferenceCall, { policy }: TargetGuard): TimeoutPolicy {
    return this.#timeoutsOf?.(call, policy) ?? policy.timeouts;
  }

  /** Why no call would be let through to a model now; undefined when one would be. */
  blocked(model: string): string | undefined {
    return this.#guards.get(model)?.blocked(performance.now());
  }

  /** Asks for every target's policy anew. Calls in hand go on; breakers and counts keep their state. */
  configure(policyOf: (target: RoutingTarget) => TargetPolicy): void {
    this.#policyOf = policyOf;
    for (const guard of this.#guards.values()) guard.configure(policyOf(guard.target));
  }

  /** Forgets a model; calls in hand end with the guard that they began with. */
  forget(model: string): void {
    this.#guards.delete(model);
  }

  #sweep(now: number): void {
    for (const [model, guard] of this.#guards)
      if (guard.idle && now - guard.lastUsed > IDLE_MS) this.#guards.delete(model);
  }
}
