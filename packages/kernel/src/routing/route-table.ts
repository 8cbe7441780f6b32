import { isDeepStrictEqual } from 'node:util';
import { GolekError, nearest, type LifecycleEvent, type Log, type ModelRoute } from '@golek/api';
import { SILENT_LOG, type InferenceCall } from '@golek/plugins-api';
import type { AttemptRecord } from '../reliability/attempt.ts';
import { faultOf } from './attempt-fault.ts';
import { CanaryTrial, type CanaryStatus } from './canary-trial.ts';
import { refuseCircle } from './route-circle.ts';

/** A route as it stands now. */
export interface LiveRoute {
  readonly route: ModelRoute;
  /** Rises with each change of any route; for changes that depend on what was read. */
  readonly revision: number;
  /** Percent that the canary gets now: 0 without one and after a rollback. */
  readonly canaryShare: number;
}

export interface RouteTableOptions {
  /** Whether a model has this name. */
  readonly isModel: (name: string) => boolean;
  readonly publish?: (event: LifecycleEvent) => void;
  readonly log?: Log;
}

class RouteEntry implements LiveRoute {
  readonly route: ModelRoute;
  readonly revision: number;
  readonly trial: CanaryTrial | undefined;
  turns: number;

  constructor(route: ModelRoute, revision: number, previous: RouteEntry | undefined) {
    this.route = route;
    this.revision = revision;
    const sameCanary = isDeepStrictEqual(route.canary, previous?.route.canary);
    this.trial = sameCanary ? previous?.trial : route.canary && new CanaryTrial(route.canary);
    this.turns = previous?.turns ?? 0;
  }

  get canaryShare(): number {
    return this.trial?.share ?? 0;
  }
}

/**
 * The routes of a runtime, by name. Each change is one step: a request is planned with the table before it or after it, and keeps that plan. It watches the
 * canaries too and ends those that do badly.
 */
export class RouteTable {
  readonly #isModel: (name: string) => boolean;
  readonly #publish: (event: LifecycleEvent) => void;
  readonly #log: Log;
  #entries = new Map<string, RouteEntry>();
  #revision = 0;

  constructor({ isModel, publish = () => undefined, log = SILENT_LOG }: RouteTableOptions) {
    this.#isModel = isModel;
    this.#publish = publish;
    this.#log = log;
  }

  get(name: string): LiveRoute | undefined {
    return this.#entries.get(name);
  }

  /** Throws `model_not_found` with the nearest name when there is no such route. */
  find(name: string): LiveRoute {
    return this.#entry(name);
  }

  list(): readonly LiveRoute[] {
    return [...this.#entries.values()];
  }

  names(): string[] {
    return [...this.#entries.keys()];
  }

  /** Counts the requests to a route, for the strategy that goes round. */
  turn(name: string): number {
    const entry = this.#entries.get(name);
    return entry ? entry.turns++ : 0;
  }

  /**
   * Sets or replaces a route. `expected`: the revision that it must have now, `null` when it must not exist. Throws `conflict` for another revision and for a
   * name that a model has, `invalid_request` for fallbacks that go in a circle.
   */
  set(route: ModelRoute, expected?: number | null): LiveRoute {
    this.refuseRevision(route.name, expected);
    this.#change([...this.#routesWithout(route.name), route]);
    return this.#entry(route.name);
  }

  /** Throws `model_not_found` when there is no such route, `conflict` for another revision. Routes that fall back to it go on without it. */
  remove(name: string, expected?: number): void {
    this.#entry(name);
    this.refuseRevision(name, expected);
    this.#change(this.#routesWithout(name));
  }

  /** Throws what `replaceAll` would throw. */
  check(routes: readonly ModelRoute[]): void {
    this.#prepared(routes);
  }

  /** Makes these the only routes, in one step; those that stay the same keep their revision. Throws what `set` throws, with nothing changed. */
  replaceAll(routes: readonly ModelRoute[]): void {
    this.#change(routes);
  }

  /** Throws `conflict` when the route has another revision than the expected one. */
  refuseRevision(name: string, expected: number | null | undefined): void {
    if (expected === undefined) return;
    const revision = this.#entries.get(name)?.revision ?? null;
    if (revision === expected) return;
    throw new GolekError(
      'conflict',
      revision === null
        ? `route '${name}' does not exist, the change expects its revision ${String(expected)}`
        : `route '${name}' has the revision ${revision}, the change expects ${expected === null ? 'that it does not exist' : expected}`,
      { details: { route: name, revision } },
    );
  }

  /** The route with its canary as the only target. Throws `invalid_request` when it has none. */
  promoted(name: string): ModelRoute {
    const { route } = this.#entry(name);
    const { canary, ...rest } = route;
    if (!canary) throw new GolekError('invalid_request', `route '${name}' has no canary`);
    const [first] = route.targets;
    const base = first ?? { weight: 1, cost: { input: 0, output: 0 }, priority: 0, tags: [] };
    return { ...rest, targets: [{ ...base, weight: base.weight || 1, model: canary.target }] };
  }

  /** Gives a canary that was rolled back its share again and forgets how it did. Throws `invalid_request` when the route has none. */
  resetCanary(name: string): void {
    const { trial } = this.#entry(name);
    if (!trial) throw new GolekError('invalid_request', `route '${name}' has no canary`);
    trial.reset();
    this.#publishChange(name);
  }

  /** How the canary of a route does. */
  canary(name: string): CanaryStatus | undefined {
    return this.#entries.get(name)?.trial?.status(performance.now());
  }

  /**
   * Judges the canary of the call's route by an attempt that ended. `isLoaded`: the model was open when the attempt began; the time to the first event of
   * one that had to be loaded says nothing.
   */
  ended({ routing }: InferenceCall, record: AttemptRecord, isLoaded: boolean): void {
    const entry = routing && this.#entries.get(routing.route);
    if (!entry?.trial) return;
    const fault = faultOf(record);
    if (fault === undefined) return;
    const { route, trial } = entry;
    const { model } = record.target;
    const isStable = route.targets.some((target) => target.model === model);
    if (!isStable && model !== trial.canary.target) return;
    const reason = trial.record(model, fault, isLoaded ? record.firstEventMs : undefined, performance.now());
    if (reason === undefined) return;
    this.#log.warn({ route: route.name, model, reason }, 'canary was rolled back');
    this.#publish({ type: 'canary.rolled-back', route: route.name, target: model, reason });
  }

  #routesWithout(name: string): ModelRoute[] {
    return [...this.#entries.values()].flatMap(({ route }) => (route.name === name ? [] : route));
  }

  #entry(name: string): RouteEntry {
    const entry = this.#entries.get(name);
    if (entry) return entry;
    const names = this.names();
    const hint = nearest(name.slice(0, 128), names);
    throw new GolekError(
      'model_not_found',
      `no route is named '${name.slice(0, 128)}'${hint === undefined ? '' : `; did you mean '${hint}'?`}`,
      { details: { known: names.slice(0, 20) } },
    );
  }

  #change(routes: readonly ModelRoute[]): void {
    const { next, revision } = this.#prepared(routes);
    const previous = this.#entries;
    this.#entries = next;
    this.#revision = revision;
    for (const [name, entry] of next) {
      if (previous.get(name) === entry) continue;
      this.#publishChange(name);
      const canary = previous.get(name)?.route.canary;
      const [only, ...others] = entry.route.targets;
      if (canary && !entry.route.canary && others.length === 0 && only?.model === canary.target) {
        this.#publish({ type: 'canary.promoted', route: name, target: canary.target });
      }
    }
    for (const name of previous.keys()) if (!next.has(name)) this.#publishChange(name);
  }

  #prepared(routes: readonly ModelRoute[]): { readonly next: Map<string, RouteEntry>; readonly revision: number } {
    const next = new Map<string, RouteEntry>();
    let revision = this.#revision;
    for (const route of routes) {
      const { name } = route;
      if (next.has(name)) throw new GolekError('invalid_request', `two routes are named '${name}'; rename one`);
      const previous = this.#entries.get(name);
      if (!previous && this.#isModel(name)) {
        throw new GolekError('conflict', `a model is named '${name}' already; give the route another name`);
      }
      const isSame = previous && isDeepStrictEqual(previous.route, route);
      next.set(name, isSame ? previous : new RouteEntry(route, ++revision, previous));
    }
    refuseCircle(new Map(routes.map((route) => [route.name, route])));
    return { next, revision };
  }

  #publishChange(route: string): void {
    const targets = this.#entries.get(route)?.route.targets.map(({ model }) => model) ?? [];
    this.#publish({ type: 'route.changed', route, targets });
  }
}
