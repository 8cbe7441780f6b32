import { GolekError, nearest, type ModelRoute, type RouteTarget } from '@golek/api';
import type { RoutingDecision, RoutingTarget } from '@golek/plugins-api';
import type { ModelEntry } from '../models/model-registry.ts';
import type { SessionCapabilities } from '@golek/providers-spi';
import { canarySide } from './canary-trial.ts';
import { needsOf, whyNot, type Needs } from './eligibility.ts';
import type { LiveRoute } from './route-table.ts';
import type { RoutingView } from './routing-view.ts';
import { STRATEGIES } from './strategies/strategies.ts';
import { nameOf, shortNumber, type Candidate } from './strategies/strategy.ts';
import { stickyKeyOf, type RoutedCall } from './sticky-key.ts';
import { UNKNOWN_STATE } from './target-state.ts';

/** What the router needs to know of the registered models and routes. */
export interface Catalogue {
  resolve(name: string): ModelEntry | undefined;
  names(): string[];
  readonly routes: { get(name: string): Pick<LiveRoute, 'route' | 'canaryShare'> | undefined };
}

const LISTED_NAMES = 20;

/** Most targets of one decision: what a chain of fallbacks can bring together. */
const MAX_TARGETS = 64;

/**
 * Chooses the targets of a call. Pure: the same call, catalogue and view give the same decision. Throws `permission_denied` for a name that the principal may
 * not use, `model_not_found` with the nearest name and some known ones, `unsupported` that says of each target why it cannot answer.
 */
export const plan = (call: RoutedCall, catalogue: Catalogue, view: RoutingView): RoutingDecision => {
  const { model: asked } = call.request;
  const { models } = call.principal;
  if (models && !models.includes(asked)) {
    throw new GolekError(
      'permission_denied',
      `'${call.principal.id}' may not use the model '${asked}'; it may use: ${models.slice(0, LISTED_NAMES).join(', ') || 'none'}`,
    );
  }
  const entry = catalogue.resolve(asked);
  if (entry) {
    if (call.hints) checkHints(call, entry, view.capabilities(entry.manifest.name));
    const { name, provider } = entry.manifest;
    return { route: asked, targets: [{ model: name, provider }], reasons: [`'${name}' is registered`] };
  }
  const live = catalogue.routes.get(asked);
  if (!live) throw notFound(asked, catalogue);
  return new RoutePlan(call, catalogue, view).decide(live);
};

const notFound = (asked: string, catalogue: Catalogue): GolekError => {
  const names = catalogue.names();
  const hint = nearest(asked, names);
  return new GolekError(
    'model_not_found',
    `no model or alias named '${asked}'${hint ? `; did you mean '${hint}'?` : ''}`,
    { details: { model: asked, known: names.slice(0, LISTED_NAMES) } },
  );
};

/** A model's own name leaves nothing to choose: its session refuses options, but a hint that it cannot follow is refused here. */
const checkHints = (
  { hints: { target, device } = {} }: RoutedCall,
  { manifest: { name, device: declared } }: ModelEntry,
  open: SessionCapabilities | undefined,
): void => {
  if (target !== undefined && target !== name) {
    throw new GolekError(
      'invalid_request',
      `the request selects the target '${target}', but '${name}' is a model and no route; leave the selection out`,
    );
  }
  const runsOn = open?.device ?? declared;
  if (device !== undefined && runsOn !== device) {
    const known = runsOn === undefined ? 'has no known device before it is loaded' : `runs on '${runsOn}'`;
    throw new GolekError('unsupported', `the request asks for '${device}', but model '${name}' ${known}`);
  }
};

/** The making of one decision for a route, along its chain of fallbacks. */
class RoutePlan {
  readonly #call: RoutedCall;
  readonly #catalogue: Catalogue;
  readonly #view: RoutingView;
  readonly #needs: Needs;
  readonly #targets = new Map<string, RoutingTarget>();
  readonly #blocked = new Map<string, RoutingTarget>();
  readonly #reasons: string[] = [];
  /** Why targets were left out, by model. */
  readonly #excluded = new Map<string, string>();
  readonly #visited = new Set<string>();

  constructor(call: RoutedCall, catalogue: Catalogue, view: RoutingView) {
    this.#call = call;
    this.#catalogue = catalogue;
    this.#view = view;
    this.#needs = needsOf(call.request, call.hints);
  }

  decide({ route, canaryShare }: Pick<LiveRoute, 'route' | 'canaryShare'>): RoutingDecision {
    const selected = this.#selected(route);
    if (selected) {
      this.#reasons.push(`the caller selected '${this.#call.hints?.target ?? ''}'`);
      this.#add(route, selected);
    } else {
      this.#addCanary(route, canaryShare);
      this.#add(route, route.targets);
      this.#addFallbacks(route);
    }
    const [first, ...rest] = [...this.#targets.values(), ...this.#blocked.values()];
    if (!first) throw this.#nothingLeft(route);
    for (const [model, reason] of this.#excluded) this.#reasons.push(`'${model}' was left out: it ${reason}`);
    return {
      route: route.name,
      strategy: route.strategy,
      targets: [first, ...rest],
      reasons: this.#reasons,
    };
  }

  /** The targets that the caller asks for, by name or tag; undefined when it asks for none. */
  #selected({ name, strategy, targets, canary }: ModelRoute): readonly RouteTarget[] | undefined {
    const wanted = this.#call.hints?.target;
    if (wanted === undefined && strategy !== 'user-selected') return undefined;
    const all = canary ? [...targets, canaryTarget(canary.target)] : targets;
    const found = all.filter(({ model, tags }) => model === wanted || (wanted !== undefined && tags.includes(wanted)));
    if (found.length > 0) return found;
    const choices = [...new Set(all.flatMap(({ model, tags }) => [model, ...tags]))];
    const what =
      wanted === undefined
        ? `route '${name}' leaves the choice to the caller, and the request selects no target`
        : `route '${name}' has no target '${wanted}'`;
    throw new GolekError('invalid_request', `${what}; choose one of: ${choices.join(', ')}`, { details: { choices } });
  }

  #addCanary({ name, canary }: ModelRoute, share: number): void {
    if (!canary) return;
    const key = stickyKeyOf(this.#call, canary.sticky);
    const side = canarySide(name, share, key, () => this.#view.random());
    const who = key === undefined ? 'request' : 'caller';
    if (side === 'stable') {
      this.#reasons.push(`the ${who} is on the stable side of the canary (${shortNumber(share)}%)`);
      return;
    }
    const [candidate] = this.#candidates([canaryTarget(canary.target)]);
    if (!candidate) return;
    this.#reasons.push(`the ${who} is in the ${shortNumber(share)}% of the canary ${nameOf(candidate)}`);
    this.#take([candidate]);
  }

  #add(route: ModelRoute, targets: readonly RouteTarget[]): void {
    const { name, strategy, score, sticky } = route;
    const candidates = this.#candidates(targets);
    const [only, ...others] = candidates;
    if (!only) return;
    if (others.length === 0) {
      this.#reasons.push(`'${name}' leads to ${nameOf(only)}`);
      return this.#take(candidates);
    }
    const { ordered, reason } = STRATEGIES[strategy](candidates, {
      route: name,
      score,
      key: stickyKeyOf(this.#call, sticky),
      now: this.#view.now(),
      random: () => this.#view.random(),
      turn: () => this.#view.turn(name),
    });
    this.#reasons.push(`${strategy}: ${reason}`);
    this.#take(ordered);
  }

  #addFallbacks({ name, fallback }: ModelRoute): void {
    this.#visited.add(name);
    for (const next of fallback) {
      const live = this.#catalogue.routes.get(next);
      if (live) {
        // Routes can meet again on different ways; their targets stand in the list already.
        if (this.#visited.has(next)) continue;
        this.#add(live.route, live.route.targets);
        this.#addFallbacks(live.route);
      } else this.#take(this.#candidates([canaryTarget(next)]));
    }
  }

  /** Those of the targets that can answer, healthy ones and blocked ones alike. */
  #candidates(targets: readonly RouteTarget[]): Candidate[] {
    return targets.flatMap((target): Candidate[] => {
      const { model } = target;
      const entry = this.#catalogue.resolve(model);
      const reason = entry ? whyNot(entry, this.#view.capabilities(model), this.#needs) : 'is not registered';
      if (reason !== undefined) this.#excluded.set(model, reason);
      if (!entry || reason !== undefined) return [];
      return [{ target, provider: entry.manifest.provider, state: this.#view.state(model) ?? UNKNOWN_STATE }];
    });
  }

  #take(candidates: readonly Candidate[]): void {
    for (const { target, provider } of candidates) {
      const { model } = target;
      if (this.#targets.size + this.#blocked.size >= MAX_TARGETS) return;
      if (this.#targets.has(model) || this.#blocked.has(model)) continue;
      const blocked = this.#view.blocked(model);
      if (blocked === undefined) this.#targets.set(model, { model, provider });
      else {
        this.#blocked.set(model, { model, provider });
        this.#reasons.push(`'${model}' goes last: ${blocked}`);
      }
    }
  }

  #nothingLeft({ name }: ModelRoute): GolekError {
    const reasons = [...this.#excluded].map(([model, reason]) => `'${model}' ${reason}`);
    const isGone = [...this.#excluded.values()].every((reason) => reason === 'is not registered');
    return new GolekError(
      isGone ? 'model_not_found' : 'unsupported',
      `no target of the route '${name}' can answer: ${reasons.join('; ')}`,
      { details: { route: name, targets: Object.fromEntries(this.#excluded) } },
    );
  }
}

const canaryTarget = (model: string): RouteTarget => ({
  model,
  weight: 1,
  cost: { input: 0, output: 0 },
  priority: 0,
  tags: [],
});
