import { GolekError, nearest, type ModelManifest, type Principal } from '@golek/api';
import type { ModelRegistry } from '@golek/kernel';

type Models = Pick<ModelRegistry, 'list' | 'names' | 'resolve' | 'routes'>;

/** A route as one model: it can what any of its targets can. */
const merged = (name: string, [first, ...others]: readonly [ModelManifest, ...ModelManifest[]]): ModelManifest => {
  if (others.length === 0) return { ...first, name };
  const targets = [first, ...others];
  const contexts = targets.flatMap(({ contextLength }) => contextLength ?? []);
  return {
    name,
    provider: others.every(({ provider }) => provider === first.provider) ? first.provider : 'golek',
    source: name,
    tasks: [...new Set(targets.flatMap(({ tasks }) => tasks))],
    ...(contexts.length > 0 && { contextLength: Math.max(...contexts) }),
    created: Math.max(...targets.map(({ created }) => created)),
  };
};

/** A model or route that a caller may name. */
export interface VisibleModel {
  readonly manifest: ModelManifest;
  /** The models behind it, at least one: itself, or a route's targets. */
  readonly targets: readonly [ModelManifest, ...ModelManifest[]];
  /** How a route chooses among them; absent for a model. */
  readonly strategy?: string;
}

const visible = (models: Models, name: string, { models: allowed }: Principal): VisibleModel | undefined => {
  if (allowed?.includes(name) === false) return undefined;
  const entry = models.resolve(name);
  if (entry) return { manifest: entry.manifest, targets: [entry.manifest] };
  const route = models.routes.get(name)?.route;
  const [first, ...others] = route?.targets.flatMap(({ model }) => models.resolve(model)?.manifest ?? []) ?? [];
  // A route whose targets are all gone is no model that could be used.
  if (!route || !first) return undefined;
  const targets = [first, ...others] as const;
  return { manifest: merged(name, targets), targets, strategy: route.strategy };
};

/** Models, then routes: what the caller may name. */
export const visibleModels = (models: Models, principal: Principal): VisibleModel[] =>
  models.names().flatMap((name) => visible(models, name, principal) ?? []);

/** Throws `model_not_found`, with the nearest name, for what the caller may not name. */
export const visibleModel = (models: Models, name: string, principal: Principal): VisibleModel => {
  const found = visible(models, name, principal);
  if (found) return found;
  const shown = name.slice(0, 256);
  const hint = nearest(shown, principal.models ?? models.names());
  throw new GolekError(
    'model_not_found',
    `no model or alias named '${shown}'${hint === undefined ? '' : `; did you mean '${hint}'?`}`,
  );
};
